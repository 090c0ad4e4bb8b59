import { describe, expect, it } from '@jest/globals';
import { singleFlight } from '../../lib/common/async.ts';

describe('a call that is made one at a time', () => {
  it('is shared by all callers while it is in progress, and repeated after that', async () => {
    const calls: PromiseWithResolvers<string>[] = [];
    const run = singleFlight(() => {
      const call = Promise.withResolvers<string>();
      calls.push(call);
      return call.promise;
    });
    const first = [run(), run()];
    await new Promise(setImmediate);
    const late = run();
    calls[0]?.resolve('one');
    expect(await Promise.all([...first, late])).toEqual(['one', 'one', 'one']);

    const second = run();
    await new Promise(setImmediate);
    calls[1]?.resolve('two');
    expect(await second).toBe('two');
    expect(calls).toHaveLength(2);
  });

  it.each<[string, () => Promise<string>]>([
    ['rejects', async () => Promise.reject(new Error('down'))],
    [
      'throws at once',
      () => {
        throw new Error('down');
      },
    ],
  ])('is repeated after one that %s', async (_, failing) => {
    const calls = [failing, async () => 'up'];
    const run = singleFlight(() => calls.shift()?.() ?? Promise.reject(new Error('called too often')));

    await expect(run()).rejects.toThrow('down');
    expect(await run()).toBe('up');
  });
});
