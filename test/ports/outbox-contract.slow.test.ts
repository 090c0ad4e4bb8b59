import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outbox } from '../../lib/ports/outbox.ts';
import { type OutboxUnderTest, outboxContract } from '../../lib/ports/outbox-contract.ts';
import { aClaim } from '../support/a-claim.ts';
import { MemoryOutbox } from '../support/memory-outbox.ts';
import { OutboxServer } from '../support/outbox-database.ts';

/** @param spoil what is wrong with the outbox of each worker */
function inMemory(spoil: (outbox: MemoryOutbox) => Outbox = (outbox) => outbox): OutboxUnderTest {
  const first = new MemoryOutbox();
  const workers = new Map<string, Outbox>();
  return {
    worker: (name) => {
      const outbox = workers.get(name) ?? spoil(new MemoryOutbox(first));
      workers.set(name, outbox);
      return outbox;
    },
    add: async (deliveries) => first.put(...deliveries.map((delivery) => aClaim(delivery))),
    close: async () => {},
  };
}

describe('the outbox in PostgreSQL', () => {
  let server: OutboxServer;

  beforeAll(async () => {
    server = await OutboxServer.start();
  });

  afterAll(() => server.close());

  const create = async (): Promise<OutboxUnderTest> => {
    const database = await server.database();
    const workers = new Map<string, Outbox>();
    return {
      worker: (name) => {
        const outbox = workers.get(name) ?? database.outbox({ workerId: name });
        workers.set(name, outbox);
        return outbox;
      },
      add: async (deliveries) => {
        await database.insert(
          ...deliveries.map(({ id, tenantId = null, priority = 0 }) => ({
            id,
            tenant_id: tenantId,
            priority,
          })),
        );
      },
      close: () => database.close(),
    };
  };

  it.each(outboxContract(create))('keeps the contract: $name', ({ run }) => run());
});

describe('the outbox in memory', () => {
  it.each(outboxContract(async () => inMemory()))('keeps the contract: $name', ({ run }) => run());
});

/** Outboxes with a mistake that somebody could make, and the check that must find it. */
const MISTAKES: readonly [what: string, check: RegExp, spoil: (outbox: MemoryOutbox) => void][] = [
  [
    'forgets the leases of the others',
    /claimed by no other worker/,
    (outbox) => {
      const claim = outbox.claim.bind(outbox);
      outbox.claim = async (request) => {
        const claims = await claim(request);
        await outbox.release(claims.map(({ id }) => id));
        return claims;
      };
    },
  ],
  [
    'releases nothing',
    /what is released can be claimed/,
    (outbox) => {
      outbox.release = async () => {};
    },
  ],
  [
    'does not tell that a lease is lost',
    /has lost its lease learns so/,
    (outbox) => {
      const renew = outbox.renew.bind(outbox);
      outbox.renew = async (ids, leaseMs) => {
        await renew(ids, leaseMs);
        return { renewed: [...ids], lost: [] };
      };
    },
  ],
  [
    'hides that SMTP may have the mail',
    /learns that SMTP may have the mail/,
    (outbox) => {
      const claim = outbox.claim.bind(outbox);
      outbox.claim = async (request) =>
        (await claim(request)).map((claimed) => ({ ...claimed, reclaimed: false }));
    },
  ],
  [
    'takes over whatever is asked',
    /nothing is taken over/,
    (outbox) => {
      const claim = outbox.claim.bind(outbox);
      outbox.claim = (request) => claim({ ...request, takeOver: true });
    },
  ],
  [
    'sends everything back at once',
    /for later does not come now/,
    (outbox) => {
      const complete = outbox.complete.bind(outbox);
      outbox.complete = (completion) =>
        complete(
          completion.map((one) =>
            one.next.kind === 'queued' ? { ...one, next: { ...one.next, retryAfterMs: 0 } } : one,
          ),
        );
    },
  ],
];

describe('the contract', () => {
  it.each(MISTAKES)('finds an outbox that %s', async (_what, check, spoil) => {
    const checks = outboxContract(async () =>
      inMemory((outbox) => {
        spoil(outbox);
        return outbox;
      }),
    );
    const found = checks.find(({ name }) => check.test(name));

    await expect(found?.run()).rejects.toMatchObject({ code: 'EOUTBOXCONTRACT' });
  });
});
