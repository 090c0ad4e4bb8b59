import type { SesEvent } from './ses-event.ts';

/** What goes wrong with an event's delivery. Effects add up; `withhold` overrides all others. */
type EventFaultEffect =
  /** It is delivered this much later. */
  | { readonly kind: 'delay'; readonly delayMs: number | ((event: SesEvent) => number) }
  /** It is delivered this many additional times. */
  | { readonly kind: 'duplicate'; readonly times: number }
  /**
   * Each copy is delivered at a random moment of the span, so that events overtake each other. The seed
   * determines the order of one mail's events.
   */
  | { readonly kind: 'reorder'; readonly seed: number; readonly withinMs: number }
  /** It is not delivered until `releaseEvents` is called. */
  | { readonly kind: 'withhold' };

export interface EventFault {
  readonly effect: EventFaultEffect;
  /** Events that it applies to. @default all */
  readonly when?: (event: SesEvent) => boolean;
}

export interface EventFaultHandle {
  /** Number of events that it applied to. */
  readonly hits: number;
  /** It no longer applies to new events. */
  remove(): void;
}

/** How an event is delivered: each copy after its own delay, or not at all. */
export type Passage =
  | { readonly kind: 'withheld' }
  | { readonly kind: 'due'; readonly delaysMs: readonly number[] };

/** All active event faults. */
export class EventFaults {
  readonly #active = new Set<ActiveEventFault>();

  add(fault: EventFault): EventFaultHandle {
    const active = new ActiveEventFault(fault, () => this.#active.delete(active));
    this.#active.add(active);
    return active;
  }

  clear(): void {
    this.#active.clear();
  }

  passageOf(event: SesEvent): Passage {
    const matching = [...this.#active].filter((fault) => fault.meets(event));
    if (matching.some(({ effect }) => effect.kind === 'withhold')) return { kind: 'withheld' };
    const copies = matching.reduce(
      (sum, { effect }) => sum + (effect.kind === 'duplicate' ? effect.times : 0),
      1,
    );
    const delayMs = () => matching.reduce((sum, fault) => sum + fault.delayMs(event), 0);
    return { kind: 'due', delaysMs: Array.from({ length: copies }, delayMs) };
  }
}

class ActiveEventFault implements EventFaultHandle {
  readonly #fault: EventFault;
  readonly #random: SeededRandom;
  readonly #deactivate: () => void;
  hits = 0;

  constructor(fault: EventFault, deactivate: () => void) {
    const { effect } = fault;
    this.#fault = fault;
    this.#random = seededRandom(effect.kind === 'reorder' ? effect.seed : 0);
    this.#deactivate = deactivate;
  }

  get effect(): EventFaultEffect {
    return this.#fault.effect;
  }

  meets(event: SesEvent): boolean {
    const isMatch = this.#fault.when?.(event) ?? true;
    if (isMatch) this.hits += 1;
    return isMatch;
  }

  delayMs(event: SesEvent): number {
    const { effect } = this;
    if (effect.kind === 'reorder') return Math.floor(this.#random() * effect.withinMs);
    if (effect.kind !== 'delay') return 0;
    return typeof effect.delayMs === 'number' ? effect.delayMs : effect.delayMs(event);
  }

  remove(): void {
    this.#deactivate();
  }
}

/** Returns a number in [0, 1). */
export type SeededRandom = () => number;

/** Mulberry32: the same seed gives the same numbers on every machine. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
