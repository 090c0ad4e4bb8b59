/** A fault of a call. A faulty call has no effect. */
export type AccountFault =
  /** The service's own code for throttling. The SDK retries. */
  | { readonly kind: 'throttle' }
  /** A policy that does not allow the call. */
  | { readonly kind: 'denied' }
  /** A key that AWS does not know. */
  | { readonly kind: 'unknown-key' }
  /** An expired session. */
  | { readonly kind: 'expired-session' }
  /** The service fails; the SDK retries. */
  | { readonly kind: 'failure'; readonly status: 500 | 503 }
  /** Any error, by its code. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  /** The connection is reset. */
  | { readonly kind: 'reset' }
  /** There is never a response; the connection stays open. */
  | { readonly kind: 'silence' };

/** Which calls; an omitted field matches all. */
export interface AccountCalls {
  /** As in the names of permissions: `sts`, `cloudformation`, `iam`, `secretsmanager`, `cloudwatch`, `sns`, `lambda`. */
  readonly service?: string;
  readonly action?: string;
}

export interface AccountFaultRule {
  readonly fault: AccountFault;
  readonly on?: AccountCalls;
  /** How many calls fail, each attempt of the SDK counted. @default all, until `heal` */
  readonly times?: number;
}

/** The pending faults. The first rule that matches a call applies. */
export class AccountFaults {
  #rules: { readonly rule: AccountFaultRule; left: number }[] = [];

  add(rule: AccountFaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  heal(): void {
    this.#rules = [];
  }

  next(call: Required<AccountCalls>): AccountFault | undefined {
    const matching = this.#rules.find(({ rule, left }) => left > 0 && concerns(rule.on ?? {}, call));
    if (matching === undefined) return undefined;
    matching.left -= 1;
    return matching.rule.fault;
  }
}

export function concerns(calls: AccountCalls, call: Required<AccountCalls>): boolean {
  return (
    (calls.service === undefined || calls.service === call.service) &&
    (calls.action === undefined || calls.action === call.action)
  );
}
