import type { VaultRequest } from './vault-request.ts';

/** What goes wrong with a call. Where `done` is asked for, true means that only the answer is lost. */
export type VaultFaultEffect =
  | { readonly kind: 'silence'; readonly done: boolean }
  | { readonly kind: 'reset'; readonly done: boolean }
  /** Another answer in its place; a text is sent as it is. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** Something happens just before the call is done, as if another client had been quicker. */
  | { readonly kind: 'meanwhile'; readonly act: () => void };

export interface VaultFault {
  readonly effect: VaultFaultEffect;
  /** @default all but `sys/health` */
  readonly when?: (request: VaultRequest) => boolean;
  /** @default 1 */
  readonly times?: number;
}

/** The faults in line. Each call takes the first that is for it. */
export class VaultFaults {
  readonly #line: { readonly fault: VaultFault; left: number }[] = [];

  add(fault: VaultFault): void {
    this.#line.push({ fault, left: fault.times ?? 1 });
  }

  take(request: VaultRequest): VaultFaultEffect | undefined {
    const isFor = ({ when = ({ path }) => path !== 'sys/health' }: VaultFault) => when(request);
    const next = this.#line.find(({ fault, left }) => left > 0 && isFor(fault));
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault.effect;
  }
}
