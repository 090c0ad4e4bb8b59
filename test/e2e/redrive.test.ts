import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/run-chaos.ts';

describe('a redrive that is killed twice', () => {
  it('loses no dead letter and sends none twice', async () => {
    const run = await runChaos('--case', 'redrive', '--mails', '150');

    expect(run.stdout).toMatch(/^letters 150, killed with SIGKILL 2 times/m);
    expect(run.stdout).toMatch(/^in the fallback queue: 150$/m);
    expect(run.stdout).toMatch(/^taken by SES once: 150$/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^sent twice: 0$/m);
    expect(run.code).toBe(0);
  }, 400_000);
});
