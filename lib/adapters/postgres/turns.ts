import type { Candidate, NextQueues, WaitingQueue } from './waiting-queues.ts';

/** What is read of the queues of one priority. */
export interface Page {
  readonly priority: number;
  /** The most deliveries of one queue. */
  readonly ofQueue: number;
  /** And of all its queues together. */
  readonly ofAll: number;
}

/** What to read for the next turns. */
export interface Reading {
  readonly queues: readonly WaitingQueue[];
  /** Most urgent first. */
  readonly pages: readonly Page[];
  /** Whether there are more queues than these. */
  readonly more: boolean;
}

/**
 * As much of each queue as it has to contribute to so many deliveries, if all queues of its priority have as many.
 * Where there are as many queues as deliveries wanted, or only some of the queues are given, each has one turn; then
 * no less urgent queue is read, because none of its deliveries would be next.
 */
export function planReading({ queues, more, cutPriority }: NextQueues, limit: number): Reading {
  const pages: Page[] = [];
  const read: WaitingQueue[] = [];
  for (const priority of new Set(queues.map((queue) => queue.priority))) {
    const ofPriority = queues.filter((queue) => queue.priority === priority);
    const ofQueue = priority === cutPriority ? 1 : Math.ceil(limit / ofPriority.length);
    pages.push({ priority, ofQueue, ofAll: ofQueue === 1 ? limit : ofQueue * ofPriority.length });
    read.push(...ofPriority);
    if (ofPriority.length >= limit) break;
  }
  return { queues: read, pages, more: more || read.length < queues.length };
}

/** The next deliveries, in the order of their turns. */
export interface Turns {
  readonly candidates: readonly Candidate[];
  /** Whether these are all that the queues have. */
  readonly complete: boolean;
}

/**
 * Puts pages into the order of turns: the most urgent priority first, and within it round-robin, one delivery per
 * tenant and turn. It stops where a delivery that was not read could be next: what follows is for the next reading.
 *
 * @param rows most urgent first, queue after queue
 */
export function inTurns(rows: readonly Candidate[], pages: readonly Page[], limit: number): Turns {
  const candidates: Candidate[] = [];
  for (const { priority, ofQueue } of pages) {
    const ofPriority = rows.filter((row) => row.priority === priority);
    candidates.push(...[...ofPriority].sort((one, other) => one.turn - other.turn));
    const mayHaveMore = ofPriority.some(({ turn }) => turn >= ofQueue);
    if (mayHaveMore || candidates.length > limit) {
      return { candidates: candidates.slice(0, limit), complete: false };
    }
  }
  return { candidates, complete: true };
}
