import type { Clock } from '../../lib/ports/runtime.ts';

/** Where the virtual time begins. */
export const START_MS = Date.UTC(2026, 0, 1);

interface VirtualEvent {
  readonly atMs: number;
  /** Events of the same moment happen in the order in which they were planned. */
  readonly order: number;
  readonly run: () => void;
}

/** A clock that jumps from event to event, in whole milliseconds. */
export class VirtualTime implements Clock {
  nowMs = START_MS;
  #planned = 0;
  #hasContinuations = false;
  /** A binary heap; the next event is the first. */
  readonly #events: VirtualEvent[] = [];

  now(): Date {
    return new Date(this.nowMs);
  }

  /** A callback that resolves promises must call {@link continues}. */
  at(atMs: number, run: () => void): void {
    if (!Number.isFinite(atMs)) throw new Error(`no time: ${atMs}`);
    this.#push({ atMs: Math.max(Math.ceil(atMs), this.nowMs), order: this.#planned++, run });
  }

  /** At least a millisecond, as Node's timers. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.at(this.nowMs + Math.max(Math.floor(ms), 1), () => {
        this.#hasContinuations = true;
        resolve();
      });
    });
  }

  /** Lets what awaits a promise go on before the time does. */
  continues(): void {
    this.#hasContinuations = true;
  }

  /** Runs until the condition holds, or nothing is left to happen. */
  async run(isOver: () => boolean): Promise<void> {
    await continuations();
    while (!isOver()) {
      const event = this.#pop();
      if (event === undefined) return;
      this.nowMs = event.atMs;
      event.run();
      if (!this.#hasContinuations || this.#events[0]?.atMs === this.nowMs) continue;
      this.#hasContinuations = false;
      await continuations();
    }
  }

  #push(event: VirtualEvent): void {
    const events = this.#events;
    let place = events.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = events[parent];
      if (other === undefined || !isBefore(event, other)) break;
      events[place] = other;
      place = parent;
    }
    events[place] = event;
  }

  #pop(): VirtualEvent | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [events[left], events[left + 1]];
      if (one === undefined) break;
      const isRight = other !== undefined && isBefore(other, one);
      const next = isRight ? other : one;
      if (!isBefore(next, last)) break;
      events[place] = next;
      place = isRight ? left + 1 : left;
    }
    events[place] = last;
    return first;
  }
}

function isBefore(one: VirtualEvent, other: VirtualEvent): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}

/** Node runs the callbacks of all promises, and theirs, before the next tick; an immediate takes ten times as long. */
function continuations(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** Numbers in [0, 1), the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
