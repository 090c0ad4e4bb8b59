import { setTimeout as delay } from 'node:timers/promises';
import { HOUR_MS, MINUTE_MS } from '../common/time.ts';
import type { Claim, ClaimRequest, Completion, NextState, Outbox, TraceAttempt } from './outbox.ts';

/** A delivery that is due now. What else its mail needs is up to the outbox. */
export interface DueDelivery {
  readonly id: string;
  readonly tenantId?: string;
  /** @default 0 */
  readonly priority?: number;
}

/** An empty outbox, for one check. */
export interface OutboxUnderTest {
  /** The outbox as the worker of this name sees it; all see the same deliveries. */
  worker(name: string): Outbox | Promise<Outbox>;
  add(deliveries: readonly DueDelivery[]): Promise<void>;
  /** Also closes the outboxes of the workers. */
  close(): Promise<void>;
}

export interface OutboxCheck {
  /** What has to hold. */
  readonly name: string;
  /** @throws {@link OutboxContractError} if it does not hold, or what the outbox throws */
  readonly run: () => Promise<void>;
}

/** An outbox does not do what {@link Outbox} promises to the worker. */
export class OutboxContractError extends Error {
  override readonly name = 'OutboxContractError';
  readonly code = 'EOUTBOXCONTRACT';
}

/**
 * What the worker relies on, as checks that run in any test framework, in any order.
 *
 * @param create called once for each check
 */
export function outboxContract(create: () => Promise<OutboxUnderTest>): readonly OutboxCheck[] {
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    run: async () => {
      const outbox = await create();
      try {
        await check(outbox);
      } finally {
        await outbox.close();
      }
    },
  }));
}

/** Waiting for a lease that has ended: many times what any outbox takes. */
const PATIENCE_MS = 10_000;
const POLL_MS = 10;

const REQUEST: ClaimRequest = { limit: 100, leaseMs: MINUTE_MS, route: 'smtp' };

/** Ends before another worker can ask. */
const ENDED: ClaimRequest = { ...REQUEST, leaseMs: 1 };

const CHECKS: Readonly<Record<string, (outbox: OutboxUnderTest) => Promise<void>>> = {
  'a delivery is claimed with its mail, and as its first attempt': async (outbox) => {
    await outbox.add([{ id: 'a', tenantId: 'shop-7', priority: 3 }]);
    const claim = only(await claimBy(outbox, 'one'));
    equal(claim.id, 'a', 'the id of the claim');
    equal(claim.tenantId, 'shop-7', 'its tenant');
    equal(claim.priority, 3, 'its priority');
    equal(claim.attempts, 1, 'its attempts, this one included');
    equal(claim.reclaimed, false, 'whether a worker had it before');
    equal(claim.mail.kind === 'large', false, 'whether its small mail is left out');
    equal(claim.expiresAt > claim.createdAt, true, 'whether it expires after it was created');
  },

  'what is claimed is claimed by no other worker, nor again by the same one': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    await claimBy(outbox, 'one');
    equal(idsOf(await claimBy(outbox, 'one')), '', 'what the same worker gets');
    equal(idsOf(await claimBy(outbox, 'two')), '', 'what another worker gets');
  },

  'workers that claim at the same moment never share a delivery': async (outbox) => {
    const ids = Array.from({ length: 40 }, (_, index) => `mail-${String(index).padStart(2, '0')}`);
    await outbox.add(ids.map((id) => ({ id })));
    const workers = await Promise.all(['one', 'two', 'three', 'four'].map((name) => outbox.worker(name)));
    const claimed: string[] = [];
    await until('all are claimed', async () => {
      const rounds = await Promise.all(workers.map((worker) => worker.claim({ ...REQUEST, limit: 7 })));
      claimed.push(...rounds.flat().map(({ id }) => id));
      return claimed.length >= ids.length;
    });
    equal(claimed.toSorted().join(), ids.join(), 'what all got together');
  },

  'a claim has at most as many as were asked for': async (outbox) => {
    await outbox.add(['a', 'b', 'c'].map((id) => ({ id })));
    const claims = await claimBy(outbox, 'one', { ...REQUEST, limit: 2 });
    equal(claims.length <= 2, true, 'whether two or fewer came');
  },

  'urgent deliveries come first': async (outbox) => {
    await outbox.add([{ id: 'low' }, { id: 'high', priority: 9 }, { id: 'middle', priority: 5 }]);
    const order: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      order.push(only(await claimBy(outbox, 'one', { ...REQUEST, limit: 1 })).id);
    }
    equal(order.join(), 'high,middle,low', 'the order');
  },

  'only more urgent deliveries come, if that is asked': async (outbox) => {
    await outbox.add([{ id: 'low' }, { id: 'same', priority: 5 }, { id: 'high', priority: 6 }]);
    const claims = await claimBy(outbox, 'one', { ...REQUEST, abovePriority: 5 });
    equal(idsOf(claims), 'high', 'what is above 5');
  },

  'a tenant with many deliveries does not hold up another': async (outbox) => {
    const flood = Array.from({ length: 30 }, (_, index) => ({ id: `flood-${index}`, tenantId: 'loud' }));
    await outbox.add([...flood, { id: 'single', tenantId: 'quiet' }]);
    const claims = await claimBy(outbox, 'one', { ...REQUEST, limit: 10 });
    equal(
      claims.some(({ id }) => id === 'single'),
      true,
      'whether the quiet tenant is among the first ten',
    );
  },

  'what is released can be claimed as if it had never been': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const worker = await outbox.worker('one');
    await worker.claim(REQUEST);
    await worker.release(['a']);
    const again = only(await claimBy(outbox, 'two'));
    equal(again.attempts, 1, 'the attempts after a release');
    equal(again.reclaimed, false, 'whether it counts as taken over');
  },

  ...Object.fromEntries(
    (['delivered', 'handed-over', 'held', 'failed'] as const).map((kind) => [
      `what is ${kind} is never claimed again`,
      async (outbox: OutboxUnderTest) => {
        await outbox.add([{ id: 'a' }]);
        const worker = await outbox.worker('one');
        await worker.claim(REQUEST);
        const late = await worker.complete([completion('a', { kind, reason: 'as the check says' })]);
        equal(late.join(), '', 'the leases that were lost');
        equal(idsOf(await claimBy(outbox, 'two')), '', 'what another worker gets');
        equal(idsOf(await claimBy(outbox, 'one')), '', 'what the same worker gets');
      },
    ]),
  ),

  'what goes back is due again, for the recipients still owed, as the next attempt': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const worker = await outbox.worker('one');
    await worker.claim(REQUEST);
    await worker.complete([completion('a', queued({ retryAfterMs: 0, owed: ['paul@example.org'] }))]);
    const again = only(await claimWhenDue(outbox, 'two'));
    equal(again.attempts, 2, 'its attempts');
    equal(again.owed?.join(), 'paul@example.org', 'the recipients still owed');
    equal(again.reclaimed, false, 'whether it counts as taken over');
  },

  'what goes back for later does not come now': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const worker = await outbox.worker('one');
    await worker.claim(REQUEST);
    await worker.complete([completion('a', queued({ retryAfterMs: HOUR_MS, owed: [] }))]);
    equal(idsOf(await claimBy(outbox, 'two')), '', 'what comes before its time');
  },

  'a completion may be written again, since its response may have been lost': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const worker = await outbox.worker('one');
    await worker.claim(REQUEST);
    const delivered = completion('a', { kind: 'delivered' });
    await worker.complete([delivered]);
    await worker.complete([delivered]);
    equal(idsOf(await claimBy(outbox, 'two')), '', 'what another worker gets');
  },

  'a renewed lease is kept, and asking for none works': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const worker = await outbox.worker('one');
    await worker.claim(REQUEST);
    const { renewed, lost } = await worker.renew(['a'], MINUTE_MS);
    equal(renewed.join(), 'a', 'the leases that were renewed');
    equal(lost.join(), '', 'the leases that were lost');
    equal((await worker.renew([], MINUTE_MS)).lost.join(), '', 'the leases that were lost, of none');
    equal(idsOf(await claimBy(outbox, 'two')), '', 'what another worker gets');
  },

  'a lease that has ended goes to another worker, who learns that SMTP may have the mail': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    await claimBy(outbox, 'one', ENDED);
    const taken = only(await claimWhenDue(outbox, 'two'));
    equal(taken.attempts, 2, 'its attempts');
    equal(taken.reclaimed, true, 'whether SMTP may have it');
  },

  'what was on its way to the queue alone is taken over without that doubt': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    await claimBy(outbox, 'one', { ...ENDED, route: 'queue' });
    equal(only(await claimWhenDue(outbox, 'two')).reclaimed, false, 'whether SMTP may have it');
  },

  'nothing is taken over if that is asked': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    await claimBy(outbox, 'one', ENDED);
    await delay(5 * POLL_MS);
    equal(idsOf(await claimBy(outbox, 'two', { ...REQUEST, takeOver: false })), '', 'what is taken over');
  },

  'a worker that has lost its lease learns so, and changes nothing for the new owner': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const [one, two] = [await outbox.worker('one'), await outbox.worker('two')];
    await one.claim(ENDED);
    await claimWhenDue(outbox, 'two');
    equal((await one.renew(['a'], MINUTE_MS)).lost.join(), 'a', 'the leases that are lost, when renewing');
    const late = await one.complete([completion('a', { kind: 'failed', reason: 'too late' })]);
    equal(late.join(), 'a', 'the leases that are lost, when completing');
    await one.release(['a']);
    equal(idsOf(await claimBy(outbox, 'three')), '', 'what is free after the late worker has released it');
    equal(
      (await two.complete([completion('a', queued({ retryAfterMs: 0, owed: [] }))])).join(),
      '',
      'what the owner lost',
    );
    equal(idsOf(await claimWhenDue(outbox, 'three')), 'a', 'what the new owner has given back');
  },

  'a mail that is not fetched can be read': async (outbox) => {
    await outbox.add([{ id: 'a' }]);
    const { mail } = only(await claimBy(outbox, 'one', { ...REQUEST, maxBytes: 0 }));
    if (mail.kind !== 'large')
      throw new OutboxContractError(`maxBytes 0 must fetch no mail, but it came as ${mail.kind}`);
    const read = await mail.read();
    equal(typeof read.mail.kind, 'string', 'what reading it gives');
  },

  'the deliveries that wait are counted': async (outbox) => {
    await outbox.add(['a', 'b', 'c'].map((id) => ({ id })));
    const worker = await outbox.worker('one');
    await worker.claim({ ...REQUEST, limit: 1 });
    const { queued: waiting, oldestDueSeconds } = await worker.stats();
    equal(waiting, 2, 'how many wait');
    equal(oldestDueSeconds >= 0, true, 'whether the oldest is due for some time');
  },
};

async function claimBy(
  outbox: OutboxUnderTest,
  worker: string,
  request = REQUEST,
): Promise<readonly Claim[]> {
  return (await outbox.worker(worker)).claim(request);
}

/** Asks until something is due. */
async function claimWhenDue(outbox: OutboxUnderTest, worker: string): Promise<readonly Claim[]> {
  let claims: readonly Claim[] = [];
  await until(`the worker ${worker} gets what is due`, async () => {
    claims = await claimBy(outbox, worker);
    return claims.length > 0;
  });
  return claims;
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (Date.now() > end) throw new OutboxContractError(`${what}: not within ${PATIENCE_MS} ms`);
    await delay(POLL_MS);
  }
}

function completion(id: string, next: NextState): Completion {
  return { id, next, attempt: { ...ATTEMPT, at: new Date().toISOString() } };
}

const ATTEMPT: Omit<TraceAttempt, 'at'> = { outcome: 'not-accepted', durationMs: 1, worker: 'contract' };

function queued(next: { readonly retryAfterMs: number; readonly owed: readonly string[] }): NextState {
  return { kind: 'queued', reason: 'as the check says', ...next };
}

const idsOf = (claims: readonly Claim[]) => claims.map(({ id }) => id).join();

function only(claims: readonly Claim[]): Claim {
  const [claim] = claims;
  if (claim === undefined || claims.length > 1) {
    throw new OutboxContractError(`one delivery must be claimed, not ${claims.length}`);
  }
  return claim;
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual === expected) return;
  throw new OutboxContractError(
    `${what}: must be ${JSON.stringify(expected)}, but is ${JSON.stringify(actual)}`,
  );
}
