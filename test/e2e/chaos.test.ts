import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const CHAOS = fileURLToPath(new URL('../chaos/flapping-smtp.ts', import.meta.url));

describe('failing SMTP and killed workers', () => {
  it('lose no row, and send none twice without an unavoidable reason', async () => {
    const run = await new Promise<{ failed: boolean; stdout: string }>((resolve) => {
      execFile(process.execPath, [CHAOS, '6000'], (error, stdout) =>
        resolve({ failed: error !== null, stdout }),
      );
    });

    expect(run.stdout).toMatch(/^rows 6000, taken by SMTP \d+, handed over \d+/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^came out twice, unexplained: 0$/m);
    expect(run.stdout).toMatch(/, [1-9]\d* workers were killed$/m);
    expect(run.failed).toBe(false);
  }, 120_000);
});
