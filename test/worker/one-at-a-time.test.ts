import { describe, expect, it } from '@jest/globals';
import { singleFlight } from '../../lib/common/async.ts';

describe('a call that is made one at a time', () => {
  it('is shared by all who ask while it is under way, and made anew after that', async () => {
    const calls: PromiseWithResolvers<string>[] = [];
    const ask = singleFlight(() => {
      const call = Promise.withResolvers<string>();
      calls.push(call);
      return call.promise;
    });
    const first = [ask(), ask()];
    await new Promise(setImmediate);
    const late = ask();
    calls[0]?.resolve('one');
    expect(await Promise.all([...first, late])).toEqual(['one', 'one', 'one']);

    const second = ask();
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
  ])('is made anew after one that %s', async (_, failing) => {
    const calls = [failing, async () => 'up'];
    const ask = singleFlight(() => calls.shift()?.() ?? Promise.reject(new Error('asked too often')));

    await expect(ask()).rejects.toThrow('down');
    expect(await ask()).toBe('up');
  });
});
