/** What goes wrong with a call. None of it is done. */
export type AccountFault =
  /** The service's own word for too many calls. The SDK tries again. */
  | { readonly kind: 'throttle' }
  /** A policy that lacks the call. */
  | { readonly kind: 'denied' }
  /** A key that AWS does not know. */
  | { readonly kind: 'unknown-key' }
  /** A session that is over. */
  | { readonly kind: 'expired-session' }
  /** The service fails; the SDK tries again. */
  | { readonly kind: 'failure'; readonly status: 500 | 503 }
  /** Any error by its code. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  /** The connection is reset. */
  | { readonly kind: 'reset' }
  /** No answer comes, ever; the connection stays. */
  | { readonly kind: 'silence' };

/** Which calls; what is left out matches all. */
export interface AccountCalls {
  /** As in the names of permissions: `sts`, `cloudformation`, `iam`, `secretsmanager`, `cloudwatch`, `sns`, `lambda`. */
  readonly service?: string;
  readonly action?: string;
}

export interface AccountFaultRule {
  readonly fault: AccountFault;
  readonly on?: AccountCalls;
  /** How many calls it strikes, tries of the SDK counted each. @default all, until `heal` */
  readonly times?: number;
}

/** The faults that are to come. The first rule that matches a call strikes it. */
export class AccountFaults {
  #rules: { readonly rule: AccountFaultRule; left: number }[] = [];

  add(rule: AccountFaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  heal(): void {
    this.#rules = [];
  }

  strike(call: Required<AccountCalls>): AccountFault | undefined {
    const standing = this.#rules.find(({ rule, left }) => left > 0 && concerns(rule.on ?? {}, call));
    if (standing === undefined) return undefined;
    standing.left -= 1;
    return standing.rule.fault;
  }
}

export function concerns(calls: AccountCalls, call: Required<AccountCalls>): boolean {
  return (
    (calls.service === undefined || calls.service === call.service) &&
    (calls.action === undefined || calls.action === call.action)
  );
}
