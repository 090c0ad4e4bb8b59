import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../support/run-chaos.ts';

describe('malformed messages and events among good ones', () => {
  it('are all dead letters with a cause, and hold up no good one', async () => {
    const run = await runChaos('--case', 'malformed', '--good', '20', '--bad', '400');

    expect(run.stdout).toMatch(/^of these taken by SES once +20$/m);
    expect(run.stdout).toMatch(/^of these reported as delivered +20$/m);
    expect(run.stdout).toMatch(/^of these dead letters with a cause +400$/m);
    expect(run.stdout).toMatch(/^of these missing +0$/m);
    expect(run.stdout).toMatch(/^malformed ones that SES took +0$/m);
    expect(run.code).toBe(0);
  }, 300_000);
});
