import { afterEach, describe, expect, it } from '@jest/globals';
import type { FallbackFailure } from '../../lib/domain/outcome.ts';
import type { Log } from '../../lib/ports/runtime.ts';
import { FallbackCheck } from '../../lib/process/fallback-check.ts';

const DENIED: FallbackFailure = { code: 'queue-misconfigured', detail: 'AccessDenied' };
const AWAY: FallbackFailure = { code: 'queue-unavailable', detail: 'TimeoutError' };

let check: FallbackCheck | undefined;

afterEach(() => check?.stop());

/** Runs one check for each result, and returns what was logged. */
async function logOf(results: readonly (readonly FallbackFailure[])[]): Promise<readonly string[]> {
  const logged: string[] = [];
  const write = (level: string) => (event: string) => void logged.push(`${level} ${event}`);
  const log: Log = { info: write('info'), warn: write('warn'), error: write('error') };
  const left = [...results];
  await new Promise<void>((resolve) => {
    check = new FallbackCheck({
      check: async () => {
        const next = left.shift();
        if (next !== undefined) return next;
        resolve();
        return new Promise(() => {});
      },
      onChecked: () => {},
      log,
      intervalMs: 1,
    });
    check.start();
  });
  return logged;
}

describe('the check of the fallback', () => {
  it('goes on after the start, and logs each change once', async () => {
    expect(await logOf([[], [], [DENIED], [DENIED], [AWAY], [], []])).toEqual([
      'info fallback-ready',
      'error fallback-misconfigured',
      'warn fallback-unavailable',
      'info fallback-ready',
    ]);
  });

  it('names what the last check found', async () => {
    await logOf([[AWAY], [DENIED]]);

    expect(check?.warnings).toEqual(['queue-misconfigured: AccessDenied']);
  });
});
