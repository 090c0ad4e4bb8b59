import type { SesCall } from './http-exchange.ts';

/**
 * What goes wrong with a call. With `accepted: true` SES executes the call (if it would without the fault)
 * and only the response is lost; with `false` it does not.
 */
export type FaultEffect =
  /** A failure of SES: 500 InternalFailure or 503 ServiceUnavailable. The call is not executed. */
  | { readonly kind: 'server-error'; readonly status: 500 | 503 }
  /** @default message "Maximum sending rate exceeded." */
  | { readonly kind: 'throttling'; readonly message?: string }
  /** Any error code, such as AccessDenied. The call is not executed. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  /** The connection is reset instead of a response. */
  | { readonly kind: 'reset'; readonly accepted: boolean }
  /** No response; the connection stays open until the client gives up or the server is closed. */
  | { readonly kind: 'silence'; readonly accepted: boolean }
  /** The call is executed at once, and its response sent this much later. */
  | { readonly kind: 'slow-answer'; readonly delayMs: number }
  /** Status 200 with a body that is no SES response. @default body an HTML page, like a proxy's */
  | { readonly kind: 'garbage'; readonly accepted: boolean; readonly body?: string };

/** A queued fault: it applies to the next matching calls. */
export interface Fault {
  readonly effect: FaultEffect;
  /** Calls that it applies to. @default all calls that send mail */
  readonly when?: (call: SesCall) => boolean;
  /** Number of calls that it applies to; `Number.POSITIVE_INFINITY` for a permanent fault. @default 1 */
  readonly times?: number;
}

export interface FaultHandle {
  /** Number of calls that it applied to. */
  readonly hits: number;
  /** Removes it from the queue. */
  remove(): void;
}

/** The queue of faults. The first that matches a call applies to it. */
export class Faults {
  readonly #queue = new Set<ArmedFault>();

  add(fault: Fault): FaultHandle {
    const armed = new ArmedFault(fault, () => this.#queue.delete(armed));
    this.#queue.add(armed);
    return armed;
  }

  take(call: SesCall): FaultEffect | undefined {
    for (const fault of this.#queue) {
      if (fault.isFor(call)) return fault.hit();
    }
    return undefined;
  }

  clear(): void {
    this.#queue.clear();
  }
}

class ArmedFault implements FaultHandle {
  readonly #fault: Fault;
  readonly #times: number;
  readonly #leaveQueue: () => void;
  hits = 0;

  constructor(fault: Fault, leaveQueue: () => void) {
    this.#fault = fault;
    this.#times = fault.times ?? 1;
    this.#leaveQueue = leaveQueue;
    if (!(this.#times > 0)) throw new RangeError(`times must be more than 0, got ${this.#times}`);
  }

  isFor(call: SesCall): boolean {
    return this.#fault.when === undefined ? call.submission !== undefined : this.#fault.when(call);
  }

  hit(): FaultEffect {
    this.hits += 1;
    if (this.hits >= this.#times) this.#leaveQueue();
    return this.#fault.effect;
  }

  remove(): void {
    this.#leaveQueue();
  }
}
