import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const CHAOS = fileURLToPath(new URL('../chaos/redrive.ts', import.meta.url));

describe('a redrive that is killed twice', () => {
  it('loses no dead letter and sends none twice', async () => {
    const run = await new Promise<{ failed: boolean; stdout: string }>((resolve) => {
      execFile(process.execPath, [CHAOS, '150'], (error, stdout) =>
        resolve({ failed: error !== null, stdout }),
      );
    });

    expect(run.stdout).toMatch(/^letters 150, killed with SIGKILL 2 times/m);
    expect(run.stdout).toMatch(/^in the fallback queue: 150$/m);
    expect(run.stdout).toMatch(/^taken by SES once: 150$/m);
    expect(run.stdout).toMatch(/^lost: 0$/m);
    expect(run.stdout).toMatch(/^sent twice: 0$/m);
    expect(run.failed).toBe(false);
  }, 400_000);
});
