import type { FailureClass } from '../../domain/failure.ts';
import type { Reading } from './reading.ts';

/** What the overview shows. */
export interface OverviewReader {
  /** Reads all places at once. It never throws: each place has its own reading. */
  read(signal: AbortSignal): Promise<OverviewSnapshot>;
  /** The last hours, one value for each step of time. */
  charts(signal: AbortSignal): Promise<Reading<Charts>>;
}

export interface OverviewSnapshot {
  readonly at: Date;
  readonly outbox: Reading<OutboxNow>;
  readonly worker: Reading<WorkerNow>;
  readonly queues: Reading<QueuesNow>;
  readonly sending: Reading<SendingNow>;
  readonly alarms: Reading<AlarmsNow>;
}

/** What the rows of the outbox say. */
export interface OutboxNow {
  /** Due or waiting for their next try; not those on hold. */
  readonly waiting: number;
  readonly onHold: number;
  /** Claimed by a worker. */
  readonly inHand: number;
  /** The oldest of those that wait; undefined if none does. */
  readonly oldest: WaitingDelivery | undefined;
  /** The oldest that was handed over and has no final status. */
  readonly oldestAwaited: WaitingDelivery | undefined;
  /** Since when the following are counted. */
  readonly since: Date;
  /** False if only the newest rows of that time were counted. */
  readonly isComplete: boolean;
  /** Accepted by SMTP. */
  readonly accepted: number;
  readonly handedOver: number;
  /** Of those handed over: no final status yet, delivered, refused by the recipient's server. */
  readonly awaited: number;
  readonly delivered: number;
  readonly bounced: number;
  /** Rows that ended as failed without a bounce: never sent, and to be looked at by a person. */
  readonly failed: number;
  readonly smtp: SmtpRecord;
}

export interface WaitingDelivery {
  readonly id: string;
  readonly since: Date;
}

/** What SMTP did last, as the rows recorded it. */
interface SmtpRecord {
  readonly lastAccepted: Date | undefined;
  /** Attempts after the last acceptance that failed by the server's fault, the newest class. */
  readonly failing: SmtpFailing | undefined;
}

export interface SmtpFailing {
  readonly class: FailureClass;
  /** The server's own words, or the error code. */
  readonly words: string | undefined;
  readonly since: Date;
  /** The last of them, and whether SMTP was tried for it: not while the worker counts the server as down. */
  readonly last: Date;
  readonly wasLastTried: boolean;
  readonly mails: number;
}

/** What a worker says of itself. */
export interface WorkerNow {
  /** Open while SMTP counts as down: mails go straight to the queue. */
  readonly isBreakerOpen: boolean;
  /** Undefined if it was not checked yet. */
  readonly canHandOver: boolean | undefined;
  /** Since the worker started: mails that SMTP accepted, and mails that were handed over. */
  readonly accepted: number | undefined;
  readonly handedOver: number | undefined;
}

export interface QueueNow {
  readonly waiting: number;
  /** In hand, or waiting for its next try. */
  readonly inFlight: number;
}

export type QueueName =
  | 'urgent'
  | 'normal'
  | 'held'
  | 'deadLetters'
  | 'feedback'
  | 'feedbackDeadLetters'
  | 'receipts';

/** A queue that an older deployment does not have is missing. */
export type QueuesNow = Readonly<Partial<Record<QueueName, QueueNow>>>;

/** How fast mail goes out by SES, and what stops it. */
export interface SendingNow {
  readonly usedPerSecond: number;
  readonly allowedPerSecond: number;
  readonly sentInLastDay: number;
  /** Undefined if there is no limit. */
  readonly perDay: number | undefined;
  /** Undefined while SES takes mail. */
  readonly outage: { readonly cause: string; readonly since: Date; readonly nextProbe: Date } | undefined;
  readonly throttledAt: Date | undefined;
  /** Undefined while it is not known when SES will take mail. */
  readonly secondsToDrain: number | undefined;
  /** Of the backlog, what the quota of 24 hours does not let out now. */
  readonly beyondDailyQuota: number;
}

export interface AlarmsNow {
  readonly inAlarm: readonly AlarmNow[];
  /** Alarms that cannot ring, since their metric has no data. */
  readonly noData: readonly string[];
  readonly ok: number;
}

export interface AlarmNow {
  readonly name: string;
  readonly severity: 'critical' | 'warning';
  readonly meaning: string;
  readonly since: Date | undefined;
  /** The first command to run. */
  readonly first: string | undefined;
}

/** Series over the same times, as the chart library draws them. */
export interface Charts {
  /** Where the values are from, in words. */
  readonly from: string;
  /** How often it is worth a new look. */
  readonly everySeconds: number;
  readonly charts: readonly Chart[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
}

export interface ChartSeries {
  readonly label: string;
  /** Null where nothing is known. */
  readonly values: readonly (number | null)[];
  readonly colour: 'good' | 'warn' | 'bad' | 'info' | 'dim';
}
