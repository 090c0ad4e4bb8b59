import type { SesEvent } from './ses-event.ts';

/** What goes wrong with an event on its way. Effects add up; what is withheld is withheld whatever else is asked for. */
type DisturbanceEffect =
  /** It comes so much later. */
  | { readonly kind: 'delay'; readonly delayMs: number | ((event: SesEvent) => number) }
  /** It comes so many times more. */
  | { readonly kind: 'duplicate'; readonly times: number }
  /**
   * Each copy comes at a random moment of the span, so that events overtake each other: those of one mail in an order
   * that the seed decides.
   */
  | { readonly kind: 'reorder'; readonly seed: number; readonly withinMs: number }
  /** It does not come, unless `releaseEvents` is called. */
  | { readonly kind: 'withhold' };

export interface EventFault {
  readonly effect: DisturbanceEffect;
  /** Which events it is for. @default all */
  readonly when?: (event: SesEvent) => boolean;
}

export interface EventFaultHandle {
  /** How many events it has met. */
  readonly hits: number;
  /** The events from now on come as they should. */
  remove(): void;
}

/** How an event comes: each copy after its own time, or not at all. */
export type Passage =
  | { readonly kind: 'withheld' }
  | { readonly kind: 'due'; readonly delaysMs: readonly number[] };

/** All disturbances that stand now. */
export class EventFaults {
  readonly #standing = new Set<StandingDisturbance>();

  add(disturbance: EventFault): EventFaultHandle {
    const standing = new StandingDisturbance(disturbance, () => this.#standing.delete(standing));
    this.#standing.add(standing);
    return standing;
  }

  clear(): void {
    this.#standing.clear();
  }

  passageOf(event: SesEvent): Passage {
    const met = [...this.#standing].filter((standing) => standing.meets(event));
    if (met.some(({ effect }) => effect.kind === 'withhold')) return { kind: 'withheld' };
    const copies = met.reduce((sum, { effect }) => sum + (effect.kind === 'duplicate' ? effect.times : 0), 1);
    const delayMs = () => met.reduce((sum, standing) => sum + standing.delayMs(event), 0);
    return { kind: 'due', delaysMs: Array.from({ length: copies }, delayMs) };
  }
}

class StandingDisturbance implements EventFaultHandle {
  readonly #disturbance: EventFault;
  readonly #random: SeededRandom;
  readonly #leave: () => void;
  hits = 0;

  constructor(disturbance: EventFault, leave: () => void) {
    const { effect } = disturbance;
    this.#disturbance = disturbance;
    this.#random = seededRandom(effect.kind === 'reorder' ? effect.seed : 0);
    this.#leave = leave;
  }

  get effect(): DisturbanceEffect {
    return this.#disturbance.effect;
  }

  meets(event: SesEvent): boolean {
    const isFor = this.#disturbance.when?.(event) ?? true;
    if (isFor) this.hits += 1;
    return isFor;
  }

  delayMs(event: SesEvent): number {
    const { effect } = this;
    if (effect.kind === 'reorder') return Math.floor(this.#random() * effect.withinMs);
    if (effect.kind !== 'delay') return 0;
    return typeof effect.delayMs === 'number' ? effect.delayMs : effect.delayMs(event);
  }

  remove(): void {
    this.#leave();
  }
}

/** A number from 0 up to, but not including, 1. */
export type SeededRandom = () => number;

/** Mulberry32: the same numbers for the same seed, on every machine. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
