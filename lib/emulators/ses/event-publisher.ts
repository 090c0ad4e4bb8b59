import { type EventFault, type EventFaultHandle, EventFaults } from './event-faults.ts';
import { Recorder } from './recorder.ts';
import type { SesEvent } from './ses-event.ts';

/** Publishes events: at once and in the order that they happen, or changed by event faults. */
export class EventPublisher {
  /** All published events, with one entry per copy. */
  readonly journal = new Recorder<SesEvent>('event');
  readonly #listener: Listener<SesEvent>;
  readonly #faults = new EventFaults();
  readonly #due = new DueQueue<SesEvent>((event) => this.#publishNow(event));
  #withheld: SesEvent[] = [];
  #closed = false;

  constructor(onEvent: ListenerFunction<SesEvent> | undefined) {
    this.#listener = new Listener('onEvent', onEvent);
  }

  /** @param events of one mail, in order; all delays start now */
  publish(events: readonly SesEvent[]): void {
    const nowMs = performance.now();
    for (const event of events) {
      const passage = this.#faults.passageOf(event);
      if (passage.kind === 'withheld') this.#withheld.push(event);
      else for (const delayMs of passage.delaysMs) this.#publishAfter(event, delayMs, nowMs);
    }
  }

  disturb(fault: EventFault): EventFaultHandle {
    return this.#faults.add(fault);
  }

  clearDisturbances(): void {
    this.#faults.clear();
  }

  /** Publishes withheld events that match the predicate, at once and without faults. */
  release(predicate: (event: SesEvent) => boolean): void {
    const released = new Set(this.#withheld.filter(predicate));
    this.#withheld = this.#withheld.filter((event) => !released.has(event));
    for (const event of released) this.#publishNow(event);
  }

  /** Waits until all due events are published and the listener has finished, with or without an error. */
  async settled(): Promise<void> {
    await this.#due.empty();
    await this.#listener.idle();
  }

  /** Forgets published and withheld events. */
  clear(): void {
    this.journal.clear();
    this.#withheld = [];
  }

  /** Drops events that are not due yet. @throws the listener's errors */
  async close(): Promise<void> {
    this.#closed = true;
    this.#due.clear();
    this.journal.end();
    await this.#listener.settled();
  }

  #publishAfter(event: SesEvent, delayMs: number, nowMs: number): void {
    if (this.#closed) return;
    if (delayMs > 0) this.#due.add(event, nowMs + delayMs);
    else this.#publishNow(event);
  }

  #publishNow(event: SesEvent): void {
    if (this.#closed) return;
    this.journal.add(event);
    this.#listener.call(event);
  }
}

/** Maximum delay of setTimeout; with more it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** An entry and its due time by `performance.now()`. */
interface Due<Entry> {
  readonly entry: Entry;
  readonly atMs: number;
}

/**
 * Emits each entry when it is due. It uses one timer for all: with separate timers, the order of entries that
 * are due close together would change from run to run.
 */
class DueQueue<Entry> {
  readonly #emit: (entry: Entry) => void;
  /** Sorted by due time, then by order of addition. */
  readonly #waiting: Due<Entry>[] = [];
  readonly #onEmpty = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(emit: (entry: Entry) => void) {
    this.#emit = emit;
  }

  add(entry: Entry, atMs: number): void {
    const before = this.#waiting.findLastIndex((due) => due.atMs <= atMs);
    this.#waiting.splice(before + 1, 0, { entry, atMs });
    this.#arm();
  }

  /** Resolves when no entry is waiting. */
  empty(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty.add(resolve);
    });
  }

  /** Drops the waiting entries. */
  clear(): void {
    this.#waiting.length = 0;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [next] = this.#waiting;
    if (next !== undefined) {
      const waitMs = Math.min(Math.max(Math.ceil(next.atMs - performance.now()), 0), MAX_TIMER_MS);
      this.#timer = setTimeout(() => this.#emitDue(), waitMs);
      return;
    }
    for (const resolve of this.#onEmpty) resolve();
    this.#onEmpty.clear();
  }

  #emitDue(): void {
    const nowMs = performance.now();
    while (this.#waiting[0] !== undefined && this.#waiting[0].atMs <= nowMs) {
      const due = this.#waiting.shift();
      if (due !== undefined) this.#emit(due.entry);
    }
    this.#arm();
  }
}

export type ListenerFunction<Subject> = (subject: Subject) => void | Promise<void>;

/** Runs a listener of the options without blocking calls, and collects its errors for `settled()`. */
export class Listener<Subject> {
  readonly #name: string;
  readonly #function: ListenerFunction<Subject> | undefined;
  readonly #running = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];

  /** @param name of the option, for the error message */
  constructor(name: string, listenerFunction: ListenerFunction<Subject> | undefined) {
    this.#name = name;
    this.#function = listenerFunction;
  }

  call(subject: Subject): void {
    const run = this.#run(subject).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** Waits for the running calls. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Waits for the running calls. @throws the listener's errors, once */
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
