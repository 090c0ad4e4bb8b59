/** A delivery's place in its queue: queues are in the order of time and, within the same time, of id. */
export interface Place {
  /** As PostgreSQL writes it: a Date would round it to milliseconds, and has no infinity. */
  readonly since: string;
  /** The same in microseconds since 1970, to compare. */
  readonly micros: number;
  readonly id: string;
}

/** A delivery that waits, in its queue: each tenant has one for each priority. */
export interface Waiting extends Place {
  readonly priority: number;
  readonly tenant: string;
}

/** A candidate for a claim: a waiting delivery and in which turn of its priority it is served. */
export interface Candidate extends Waiting {
  readonly turn: number;
}

/** A queue, and the place from which on it may have waiting deliveries. */
export interface WaitingQueue extends Waiting {
  /** Whether the delivery at that place was passed itself. */
  readonly passed: boolean;
}

/** The queues whose turn is next. */
export interface NextQueues {
  /** In the order of their turns, most urgent first. */
  readonly queues: readonly WaitingQueue[];
  /** Whether there are more. */
  readonly more: boolean;
  /** The priority that has more queues than these, if any. */
  readonly cutPriority: number | null;
}

/**
 * The queues that may have waiting deliveries, each with the place up to which it has none.
 *
 * It is an aid to memory and not the truth: a place may be too late, for a delivery that came with an earlier
 * time, or was requeued, or was locked when it was passed. A survey corrects that.
 */
export class WaitingQueues {
  /** By priority, then by tenant in the order of turns: a tenant that is served goes to the end. */
  readonly #byPriority = new Map<number, Map<string, WaitingQueue>>();

  /** The oldest due deliveries of their queues, as a survey has found them. */
  surveyed(heads: readonly Waiting[]): void {
    for (const head of heads) this.#keep(head);
  }

  /** Deliveries that came or fell due. A queue that may have older ones keeps its place. */
  arrived(arrivals: readonly Waiting[]): void {
    for (const arrival of arrivals) {
      const known = this.#byPriority.get(arrival.priority)?.get(arrival.tenant);
      if (known === undefined || arrival.micros < known.micros) this.#keep(arrival);
      // Replaced by an equal one: a walk that found the queue empty before does not know of this delivery.
      else this.#tenantsOf(arrival.priority).set(arrival.tenant, { ...known });
    }
  }

  /** At most `most` queues of priorities above this one. */
  next(most: number, abovePriority = Number.NEGATIVE_INFINITY): NextQueues {
    const queues: WaitingQueue[] = [];
    const priorities = [...this.#byPriority.keys()].filter((priority) => priority > abovePriority);
    for (const priority of priorities.sort((a, b) => b - a)) {
      for (const queue of this.#tenantsOf(priority).values()) {
        if (queues.length === most) return { queues, more: true, cutPriority: cutPriority(queues, priority) };
        queues.push(queue);
      }
    }
    return { queues, more: false, cutPriority: null };
  }

  /**
   * Forgets those of the queues that proved to be empty.
   *
   * @param candidates those found in the queues, in the order of turns
   * @param complete whether these are all
   */
  walked(queues: readonly WaitingQueue[], candidates: readonly Candidate[], complete: boolean): void {
    const found = new Set(candidates.map(keyOf));
    const last = complete ? undefined : candidates.at(-1);
    for (const queue of queues) {
      // The walk stopped in the first turn of this priority.
      if (last?.turn === 1 && keyOf(queue) === keyOf(last)) return;
      if (last !== undefined && queue.priority < last.priority) return;
      if (!found.has(keyOf(queue))) this.#forget(queue);
    }
  }

  /**
   * Moves the places behind these candidates, which were claimed or cannot be, and their tenants to the end. A place
   * that a survey or an arrival has changed since the walk stays: it has a delivery that the walk did not see.
   *
   * @param queues those that were walked
   */
  passed(candidates: readonly Candidate[], queues: readonly WaitingQueue[]): void {
    const walked = new Map(queues.map((queue) => [keyOf(queue), queue]));
    for (const candidate of candidates) {
      const { priority, tenant, since, micros, id } = candidate;
      const tenants = this.#tenantsOf(priority);
      const known = tenants.get(tenant);
      const unchanged = known === undefined || known === walked.get(keyOf(candidate));
      const queue = unchanged ? { priority, tenant, since, micros, id, passed: true } : known;
      if (unchanged) walked.set(keyOf(candidate), queue);
      tenants.delete(tenant);
      tenants.set(tenant, queue);
    }
  }

  #keep({ priority, tenant, since, micros, id }: Waiting): void {
    this.#tenantsOf(priority).set(tenant, { priority, tenant, since, micros, id, passed: false });
  }

  #forget(queue: WaitingQueue): void {
    const tenants = this.#tenantsOf(queue.priority);
    if (tenants.get(queue.tenant) !== queue) return;
    tenants.delete(queue.tenant);
    if (tenants.size === 0) this.#byPriority.delete(queue.priority);
  }

  #tenantsOf(priority: number): Map<string, WaitingQueue> {
    const known = this.#byPriority.get(priority);
    if (known !== undefined) return known;
    const tenants = new Map<string, WaitingQueue>();
    this.#byPriority.set(priority, tenants);
    return tenants;
  }
}

/** None is cut if the ones that are left out are of a less urgent priority. */
function cutPriority(queues: readonly WaitingQueue[], priorityOfNext: number): number | null {
  return queues.at(-1)?.priority === priorityOfNext ? priorityOfNext : null;
}

function keyOf({ priority, tenant }: { readonly priority: number; readonly tenant: string }): string {
  return `${priority} ${tenant}`;
}
