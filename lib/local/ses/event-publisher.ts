import { DueQueue } from './due-queue.ts';
import { type DisturbanceHandle, Disturbances, type EventDisturbance } from './event-disturbance.ts';
import { Hook, type HookFunction } from './hook.ts';
import { Journal } from './journal.ts';
import type { SesEvent } from './ses-event.ts';

/** Hands events over: at once and in the order that they happen, or as they are disturbed. */
export class EventPublisher {
  /** What was handed over, each copy of its own. */
  readonly journal = new Journal<SesEvent>('event');
  readonly #hook: Hook<SesEvent>;
  readonly #disturbances = new Disturbances();
  readonly #due = new DueQueue<SesEvent>((event) => this.#handOver(event));
  #withheld: SesEvent[] = [];
  #closed = false;

  constructor(onEvent: HookFunction<SesEvent> | undefined) {
    this.#hook = new Hook('onEvent', onEvent);
  }

  /** @param events what happens to one mail, in order; delays count from now for all of them */
  publish(events: readonly SesEvent[]): void {
    const nowMs = performance.now();
    for (const event of events) {
      const passage = this.#disturbances.passageOf(event);
      if (passage.kind === 'withheld') this.#withheld.push(event);
      else for (const delayMs of passage.delaysMs) this.#handOverAfter(event, delayMs, nowMs);
    }
  }

  disturb(disturbance: EventDisturbance): DisturbanceHandle {
    return this.#disturbances.add(disturbance);
  }

  clearDisturbances(): void {
    this.#disturbances.clear();
  }

  /** Hands over, at once and undisturbed, what was withheld; what the predicate is false for stays. */
  release(predicate: (event: SesEvent) => boolean): void {
    const released = new Set(this.#withheld.filter(predicate));
    this.#withheld = this.#withheld.filter((event) => !released.has(event));
    for (const event of released) this.#handOver(event);
  }

  /** Waits until nothing is still to come, and all that came was taken, or refused, by the hook. */
  async settled(): Promise<void> {
    await this.#due.empty();
    await this.#hook.idle();
  }

  /** Forgets what was handed over or withheld. */
  clear(): void {
    this.journal.clear();
    this.#withheld = [];
  }

  /** Drops what is still to come. @throws what the hook has thrown */
  async close(): Promise<void> {
    this.#closed = true;
    this.#due.clear();
    this.journal.end();
    await this.#hook.settled();
  }

  #handOverAfter(event: SesEvent, delayMs: number, nowMs: number): void {
    if (this.#closed) return;
    if (delayMs > 0) this.#due.add(event, nowMs + delayMs);
    else this.#handOver(event);
  }

  #handOver(event: SesEvent): void {
    if (this.#closed) return;
    this.journal.add(event);
    this.#hook.call(event);
  }
}
