import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Account } from '../chaos/account.ts';
import { FAILED_SEEDS } from '../chaos/failed-seeds.ts';
import { runChaos } from '../support/run-chaos.ts';

const FIXED_SEEDS = [{ mails: 100, seed: 5, minutes: 0.1, why: 'a fixed seed' }];

describe('the whole pipeline under a schedule of faults', () => {
  it.each([...FIXED_SEEDS, ...FAILED_SEEDS])(
    'accounts for every mail of seed $seed: $why',
    async ({ mails, seed, minutes }) => {
      const json = join(tmpdir(), `chaos-${process.pid}-${seed}.json`);

      const run = await runChaos(
        ...['--mails', String(mails), '--seed', String(seed), '--minutes', String(minutes), '--json', json],
      );

      // First, since it says what is wrong.
      expect(run.stdout).toMatch(/every mail is accounted for; again: npm run chaos/);
      const { account, faults } = JSON.parse(await readFile(json, 'utf8')) as {
        readonly account: Account;
        readonly faults: readonly unknown[];
      };
      await rm(json);
      expect(account).toMatchObject({ mails, lost: [], twiceUnexplained: [], late: [], misreported: [] });
      expect(account.bySmtp + account.bySes).toBeGreaterThan(mails / 2);
      expect(account.bySes).toBeGreaterThan(0);
      expect(faults.length).toBeGreaterThan(10);
      expect(run.code).toBe(0);
    },
    300_000,
  );

  it('refuses a fault that it does not know, and names those that it knows', async () => {
    const run = await runChaos('--only', 'meteor');

    expect(run.stderr).toMatch(/--only has no fault meteor; there are .*smtp:4xx/);
    expect(run.code).toBe(2);
  });
});
