import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/run-chaos.ts';

describe('failing SMTP and killed workers', () => {
  it('lose no row, and send none twice without an unavoidable reason', async () => {
    const run = await runChaos('--case', 'flapping-smtp', '--mails', '6000');

    expect(run.stdout).toMatch(/^rows 6000, taken by SMTP \d+, handed over \d+/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^came out twice, unexplained: 0$/m);
    expect(run.stdout).toMatch(/, [1-9]\d* workers were killed$/m);
    expect(run.code).toBe(0);
  }, 120_000);
});
