import { type EventFault, type EventFaultHandle, EventFaults } from './event-faults.ts';
import { Recorder } from './recorder.ts';
import type { SesEvent } from './ses-event.ts';

/** Hands events over: at once and in the order that they happen, or as they are disturbed. */
export class EventPublisher {
  /** What was handed over, each copy of its own. */
  readonly journal = new Recorder<SesEvent>('event');
  readonly #hook: Listener<SesEvent>;
  readonly #disturbances = new EventFaults();
  readonly #due = new DueQueue<SesEvent>((event) => this.#handOver(event));
  #withheld: SesEvent[] = [];
  #closed = false;

  constructor(onEvent: ListenerFunction<SesEvent> | undefined) {
    this.#hook = new Listener('onEvent', onEvent);
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

  disturb(disturbance: EventFault): EventFaultHandle {
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

/** What setTimeout can wait for; past it, it would not wait at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An entry, and when it is due by `performance.now()`. */
interface Due<Entry> {
  readonly entry: Entry;
  readonly atMs: number;
}

/**
 * Hands out each entry when it is due. One timer serves them all: timers of their own would fire in an order that
 * changes from run to run where two are close.
 */
class DueQueue<Entry> {
  readonly #handOut: (entry: Entry) => void;
  /** The next one first; of two at the same time, the one that was added first. */
  readonly #waiting: Due<Entry>[] = [];
  readonly #onEmpty = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(handOut: (entry: Entry) => void) {
    this.#handOut = handOut;
  }

  add(entry: Entry, atMs: number): void {
    const before = this.#waiting.findLastIndex((due) => due.atMs <= atMs);
    this.#waiting.splice(before + 1, 0, { entry, atMs });
    this.#arm();
  }

  /** Resolves when nothing waits any longer. */
  empty(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.add(resolve);
    });
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting.length = 0;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [next] = this.#waiting;
    if (next !== undefined) {
      const waitMs = Math.min(Math.ceil(next.atMs - performance.now()), MAX_TIMER_MS);
      this.#timer = setTimeout(() => this.#handOutDue(), waitMs);
      return;
    }
    for (const resolve of this.#onEmpty) resolve();
    this.#onEmpty.clear();
  }

  #handOutDue(): void {
    const nowMs = performance.now();
    while (this.#waiting[0] !== undefined && this.#waiting[0].atMs <= nowMs) {
      const due = this.#waiting.shift();
      if (due !== undefined) this.#handOut(due.entry);
    }
    this.#arm();
  }
}

/** What to do with each thing that happens. */
export type ListenerFunction<Subject> = (subject: Subject) => void | Promise<void>;

/** Runs a hook of the options beside the calls, and keeps what it throws until the end. */
export class Listener<Subject> {
  readonly #name: string;
  readonly #function: ListenerFunction<Subject> | undefined;
  readonly #underWay = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];

  /** @param name of the option, for the message of what it throws */
  constructor(name: string, hookFunction: ListenerFunction<Subject> | undefined) {
    this.#name = name;
    this.#function = hookFunction;
  }

  call(subject: Subject): void {
    const run = this.#run(subject).finally(() => this.#underWay.delete(run));
    this.#underWay.add(run);
  }

  /** Waits for what is under way now. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Waits for what is under way, and throws once what the hook has thrown. */
  async settled(): Promise<void> {
    await this.idle();
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new AggregateError(errors, `${this.#name} failed`);
  }

  async #run(subject: Subject): Promise<void> {
    try {
      await this.#function?.(subject);
    } catch (error) {
      this.#errors.push(error);
    }
  }
}
