import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { silentLog } from '../../lib/ports/runtime.ts';
import { Leases } from '../../lib/worker/leases.ts';
import { MemoryOutbox } from '../support/memory-outbox.ts';

describe('the leases of a worker', () => {
  let leases: Leases;
  let outbox: MemoryOutbox;
  let renewals: { lost: readonly string[]; mayTakeOver: boolean; holds: boolean }[];
  let onRenewal: () => void;

  function start(leaseMs: number, takeOverDelayMs: number): void {
    renewals = [];
    onRenewal = () => {};
    leases = new Leases({
      outbox,
      observer: silentObserver,
      log: silentLog,
      leaseMs,
      takeOverDelayMs,
      onRenewed: (lost) => {
        renewals.push({ lost, mayTakeOver: leases.mayTakeOver, holds: leases.holds('a') });
        onRenewal();
      },
    });
    leases.start();
  }

  const renewal = () => new Promise<void>((resolve) => (onRenewal = resolve));

  beforeEach(() => {
    outbox = new MemoryOutbox();
  });

  afterEach(() => leases.stop());

  it('are held while they are renewed, and not after they were lost', async () => {
    start(300, 0);
    leases.add('a', performance.now());
    expect(leases.holds('a')).toBe(true);
    for (let n = 0; n < 4; n += 1) await renewal();
    outbox.lostLeases = ['a'];
    await renewal();

    expect(renewals.slice(0, 4).map(({ holds }) => holds)).toEqual([true, true, true, true]);
    expect(renewals[4]).toEqual({ lost: ['a'], holds: false, mayTakeOver: true });
  });

  it('are not held any more when they may have ended in an outage, until they are renewed', async () => {
    outbox.fail('renew', 6);
    start(150, 0);
    leases.add('a', performance.now() - 150);
    expect(leases.holds('a')).toBe(false);
    await renewal();

    expect(renewals[0]?.holds).toBe(true);
  });

  it('of others may be taken over only when the outbox was available for long enough', async () => {
    start(60, 150);
    expect(leases.mayTakeOver).toBe(false);
    while (!leases.mayTakeOver) await renewal();
    outbox.fail('renew', 2);
    await renewal();

    expect(renewals.at(-1)?.mayTakeOver).toBe(false);
    while (!leases.mayTakeOver) await renewal();
  });

  it('are asked after even if there are none, so that an outage is noticed', async () => {
    outbox.fail('renew', 1);
    start(60, 10_000);
    await renewal();

    expect(outbox.renewed).toEqual([]);
    expect(renewals).toEqual([{ lost: [], mayTakeOver: false, holds: false }]);
  });
});
