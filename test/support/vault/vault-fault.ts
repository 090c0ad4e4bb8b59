import type { VaultRequest } from './vault-request.ts';

/** A fault of a call. If it has `done`, true means that only the response is lost. */
export type VaultFaultEffect =
  | { readonly kind: 'silence'; readonly done: boolean }
  | { readonly kind: 'reset'; readonly done: boolean }
  /** Another response instead; a text is sent unchanged. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** Acts just before the call is done, like another client that writes first. */
  | { readonly kind: 'meanwhile'; readonly act: () => void };

export interface VaultFault {
  readonly effect: VaultFaultEffect;
  /** @default all but `sys/health` */
  readonly when?: (request: VaultRequest) => boolean;
  /** @default 1 */
  readonly times?: number;
}

/** The pending faults. Each call gets the first that matches. */
export class VaultFaults {
  readonly #queue: { readonly fault: VaultFault; left: number }[] = [];

  add(fault: VaultFault): void {
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  take(request: VaultRequest): VaultFaultEffect | undefined {
    const isFor = ({ when = ({ path }) => path !== 'sys/health' }: VaultFault) => when(request);
    const next = this.#queue.find(({ fault, left }) => left > 0 && isFor(fault));
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault.effect;
  }
}
