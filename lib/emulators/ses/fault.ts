import type { SesCall } from './http-exchange.ts';

/**
 * What goes wrong with a call. Where `accepted` is asked for, true means that SES first does what the call asks
 * (if it would have, without the fault) and only the answer is lost; false that nothing was done.
 */
export type FaultEffect =
  /** SES's own failure: 500 InternalFailure or 503 ServiceUnavailable. Nothing was done. */
  | { readonly kind: 'server-error'; readonly status: 500 | 503 }
  /** @default message "Maximum sending rate exceeded." */
  | { readonly kind: 'throttling'; readonly message?: string }
  /** Any error by its code, such as AccessDenied. Nothing was done. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly status: number }
  /** The connection is reset in place of the answer. */
  | { readonly kind: 'reset'; readonly accepted: boolean }
  /** The answer never comes; the connection stays open until the client gives up or the server is closed. */
  | { readonly kind: 'silence'; readonly accepted: boolean }
  /** The call is done at once, and its answer written this much later. */
  | { readonly kind: 'slow-answer'; readonly delayMs: number }
  /** Status 200, and a body that is no answer of SES. @default body an HTML page, as a proxy writes it */
  | { readonly kind: 'garbage'; readonly accepted: boolean; readonly body?: string };

/** A fault put in line: it takes the next calls that it is for. */
export interface Fault {
  readonly effect: FaultEffect;
  /** Which calls it is for. @default all calls that send mail */
  readonly when?: (call: SesCall) => boolean;
  /** How many calls it takes; `Number.POSITIVE_INFINITY` for a standing fault. @default 1 */
  readonly times?: number;
}

/** A fault in line. */
export interface FaultHandle {
  /** How many calls it has taken. */
  readonly hits: number;
  /** Takes it out of the line. */
  remove(): void;
}

/** The line of faults. Each call takes the first that is for it. */
export class Faults {
  readonly #line = new Set<ArmedFault>();

  add(fault: Fault): FaultHandle {
    const armed = new ArmedFault(fault, () => this.#line.delete(armed));
    this.#line.add(armed);
    return armed;
  }

  take(call: SesCall): FaultEffect | undefined {
    for (const fault of this.#line) {
      if (fault.isFor(call)) return fault.hit();
    }
    return undefined;
  }

  clear(): void {
    this.#line.clear();
  }
}

class ArmedFault implements FaultHandle {
  readonly #fault: Fault;
  readonly #times: number;
  readonly #leaveLine: () => void;
  hits = 0;

  constructor(fault: Fault, leaveLine: () => void) {
    this.#fault = fault;
    this.#times = fault.times ?? 1;
    this.#leaveLine = leaveLine;
    if (!(this.#times > 0)) throw new RangeError(`times must be more than 0, got ${this.#times}`);
  }

  isFor(call: SesCall): boolean {
    return this.#fault.when === undefined ? call.submission !== undefined : this.#fault.when(call);
  }

  hit(): FaultEffect {
    this.hits += 1;
    if (this.hits >= this.#times) this.#leaveLine();
    return this.#fault.effect;
  }

  remove(): void {
    this.#leaveLine();
  }
}
