import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/run-chaos.ts';

describe('messages delivered three times, lost responses and killed functions', () => {
  it('are sent by SES once, unless the response was lost and no event reported it', async () => {
    const run = await runChaos('--case', 'ledger', '--mails', '200', '--kills', '3');

    expect(run.stdout).toMatch(/^answers lost on purpose: 8$/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^taken twice, unexplained: 0$/m);
    expect(run.stdout).toMatch(/, [1-9]\d* invocations were killed$/m);
    expect(run.code).toBe(0);
  }, 400_000);
});
