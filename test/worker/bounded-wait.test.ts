import { describe, expect, it } from '@jest/globals';
import { withTimeout } from '../../lib/common/async.ts';

const NEVER = new Promise<never>(() => {});
const LONG_MS = 60_000;

describe('a bounded wait', () => {
  it('returns the value, or the failure, and does not keep the process alive by its timer', async () => {
    const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

    await expect(withTimeout(Promise.resolve(7), LONG_MS)).resolves.toEqual({ kind: 'done', value: 7 });
    const error = new Error('away');
    await expect(withTimeout(Promise.reject(error), LONG_MS)).resolves.toEqual({ kind: 'failed', error });

    const timersAfter = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    expect(timersAfter).toBeLessThanOrEqual(timersBefore);
  });

  it('ends after the time-out', async () => {
    await expect(withTimeout(NEVER, 5)).resolves.toEqual({ kind: 'too-late' });
  });

  it('ignores a failure after the time-out', async () => {
    const late = Promise.withResolvers<void>();
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);

    await withTimeout(late.promise, 5);
    late.reject(new Error('too late'));
    await new Promise(setImmediate);

    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });
});
