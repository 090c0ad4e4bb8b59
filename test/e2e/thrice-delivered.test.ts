import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const CHAOS = fileURLToPath(new URL('../chaos/thrice-delivered.ts', import.meta.url));

describe('envelopes delivered three times, lost responses and killed functions', () => {
  it('are sent by SES once, unless the response was lost and no event reported it', async () => {
    const run = await new Promise<{ failed: boolean; stdout: string }>((resolve) => {
      execFile(process.execPath, [CHAOS, '200', '3'], (error, stdout) =>
        resolve({ failed: error !== null, stdout }),
      );
    });

    expect(run.stdout).toMatch(/^answers lost on purpose: 8$/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^taken twice, unexplained: 0$/m);
    expect(run.stdout).toMatch(/, [1-9]\d* invocations were killed$/m);
    expect(run.failed).toBe(false);
  }, 400_000);
});
