/** The dead letters: mail that could not be sent, and waits for a person. */
export interface DeadLetterDesk {
  /** Visits each once; they are in flight meanwhile, and released at the end. */
  survey(signal: AbortSignal): Promise<DeadLetterSurvey>;
  /** @param limit the most that are listed */
  list(choice: DeadLetterChoice, limit: number, signal: AbortSignal): Promise<DeadLetterListing>;
  /** By the ID of its delivery or of its SQS message; undefined if none is seen. */
  show(id: string, reveal: DeadLetterReveal, signal: AbortSignal): Promise<DeadLetterView | undefined>;
  /** What would be done; nothing is changed. */
  planRedrive(request: RedriveRequest, signal: AbortSignal): Promise<DeadLetterPlan>;
  planDrop(choice: DeadLetterChoice, signal: AbortSignal): Promise<DeadLetterPlan>;
}

export type DeadLetterChoice =
  | { readonly by: 'all' }
  | { readonly by: 'cause'; readonly cause: string }
  | { readonly by: 'id'; readonly id: string };

interface DeadLetterReveal {
  readonly addresses: boolean;
  readonly body: boolean;
}

export interface DeadLetterSurvey {
  readonly causes: readonly DeadLetterCause[];
  readonly seen: number;
  /** In the hands of others during the whole look. */
  readonly inFlight: number;
  readonly isComplete: boolean;
}

export interface DeadLetterCause {
  readonly cause: string;
  readonly count: number;
  readonly oldest: Date;
  readonly newest: Date;
  /** The detail of one of them. */
  readonly example: string;
  /** What removes the cause, in plain words. */
  readonly fix: string;
}

export interface DeadLetterListing {
  readonly letters: readonly DeadLetterSummary[];
  /** How many more there are. */
  readonly more: number;
  readonly inFlight: number;
}

export interface DeadLetterSummary {
  readonly queueMessageId: string;
  readonly deliveryId: string | undefined;
  readonly tenantId: string | undefined;
  readonly cause: string;
  readonly detail: string;
  readonly since: Date;
}

export interface DeadLetterView extends DeadLetterSummary {
  readonly receiveCount: number;
  readonly fix: string;
  /** Undefined if it cannot be parsed. */
  readonly mail:
    | {
        readonly from: string;
        readonly to: readonly string[];
        readonly createdAt: string;
        readonly expiresAt: string | undefined;
        readonly smtpFailure: string | undefined;
        readonly bytes: number | undefined;
        readonly headers: Readonly<Record<string, string>>;
        /** Why its content cannot be read. */
        readonly unreadable: string | undefined;
      }
    | undefined;
  /** Only if asked for. */
  readonly body: string | undefined;
}

interface RedriveRequest {
  readonly choice: DeadLetterChoice;
  /** Gives expired mail so many hours more; without it, expired mail stays. */
  readonly extendHours: number | undefined;
}

/** Exactly these letters are processed, and none that comes after the plan was shown. */
export interface DeadLetterPlan {
  readonly count: number;
  readonly causes: readonly DeadLetterCause[];
  /** Those that would stay, and why. */
  readonly staying: readonly { readonly count: number; readonly why: string }[];
  /** @param because why they are dropped; a redrive needs no reason */
  run(run: DeadLetterRun, because?: string): Promise<DeadLetterOutcome>;
}

/** A change in progress. */
export interface DeadLetterRun {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface DeadLetterOutcome {
  readonly done: number;
  /** What was left, and why, in words. */
  readonly left: readonly string[];
  /** Where the record of what was dropped is. */
  readonly record: string | undefined;
}
