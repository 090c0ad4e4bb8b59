import { describe, expect, it } from '@jest/globals';
import type { SesEvent } from '../../../lib/emulators/ses/ses-event.ts';
import { type RunningDouble, runDouble, send } from './running-double.ts';

const configurationSet = 'mail';
/** Longer than the maximum of a Node timer. */
const LONG_MS = 2 ** 32;

const typesIn = ({ double }: RunningDouble) => double.events.map(({ eventType }) => eventType);
const isSend = ({ eventType }: SesEvent) => eventType === 'Send';

describe('events', () => {
  it('go to onEvent, the subscribers and pending waitForEvent calls', async () => {
    const handed: SesEvent[] = [];
    const running = await runDouble({
      configurationSets: ['mail'],
      onEvent: async (event) => {
        handed.push(event);
      },
    });
    const received: SesEvent[] = [];
    const leave = running.double.subscribeToEvents((event) => received.push(event));
    const waiting = running.double.waitForEvent(isSend);
    await send(running, 'v1', { configurationSet });
    leave();
    await send(running, 'v1', { configurationSet });
    expect(handed).toEqual(running.double.events);
    expect(received).toEqual(running.double.events.slice(0, 2));
    expect(await waiting).toBe(running.double.events[0]);
  });

  it('do not prevent the acceptance of a mail if onEvent fails, which close() reports', async () => {
    const running = await runDouble({
      configurationSets: ['mail'],
      onEvent: ({ eventType }) => {
        throw new Error(`no topic for ${eventType}`);
      },
    });
    await send(running, 'v1', { configurationSet });
    await running.double.eventsSettled();
    await expect(running.double.close()).rejects.toThrow('onEvent failed');
  });

  it('are settled when onEvent has ended', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let ended = 0;
    const running = await runDouble({
      configurationSets: ['mail'],
      onEvent: async () => {
        await gate;
        ended += 1;
      },
    });
    await send(running, 'v1', { configurationSet });
    let endedWhenSettled: number | undefined;
    const settled = running.double.eventsSettled().then(() => {
      endedWhenSettled = ended;
    });
    // when it ends, anything that did not wait for onEvent has continued
    await send(running, 'v1');
    expect(endedWhenSettled).toBeUndefined();
    open();
    await settled;
    expect(endedWhenSettled).toBe(2);
  });

  it('are removed by clear()', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.disturbEvents({ effect: { kind: 'withhold' }, when: isSend });
    await send(running, 'v1', { configurationSet });
    running.double.clear();
    running.double.releaseEvents();
    expect(running.double.events).toEqual([]);
  });
});

describe('event faults', () => {
  it('delay events, in the order of their delays', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.disturbEvents({ effect: { kind: 'delay', delayMs: (event) => (isSend(event) ? 40 : 1) } });
    await send(running, 'v1', { configurationSet });
    await running.double.eventsSettled();
    expect(typesIn(running)).toEqual(['Delivery', 'Send']);
  });

  it('keep delayed events pending, and drop them at close', async () => {
    const handed: string[] = [];
    const running = await runDouble({
      configurationSets: ['mail'],
      onEvent: ({ eventType }) => {
        handed.push(eventType);
      },
    });
    running.double.disturbEvents({ effect: { kind: 'delay', delayMs: LONG_MS }, when: isSend });
    await send(running, 'v1', { configurationSet });
    const settled = running.double.eventsSettled();
    const waiting = running.double.waitForEvent(isSend);
    await Promise.all([
      expect(waiting).rejects.toThrow('closed before the event came'),
      running.double.close(),
    ]);
    await settled;
    expect(handed).toEqual(['Delivery']);
  });

  it('duplicate events', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    const duplicates = running.double.disturbEvents({
      effect: { kind: 'duplicate', times: 2 },
      when: isSend,
    });
    await send(running, 'v1', { configurationSet });
    expect(typesIn(running)).toEqual(['Send', 'Send', 'Send', 'Delivery']);
    expect(running.double.events[1]).toEqual(running.double.events[0]);
    expect(duplicates.hits).toBe(1);
  });

  it('withhold events until released', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.disturbEvents({ effect: { kind: 'withhold' } });
    await send(running, 'v1', { configurationSet });
    await running.double.eventsSettled();
    expect(typesIn(running)).toEqual([]);
    running.double.releaseEvents(({ eventType }) => eventType === 'Delivery');
    expect(typesIn(running)).toEqual(['Delivery']);
    running.double.releaseEvents();
    running.double.releaseEvents();
    expect(typesIn(running)).toEqual(['Delivery', 'Send']);
  });

  it('have no effect after they end', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    const withheld = running.double.disturbEvents({ effect: { kind: 'withhold' } });
    running.double.disturbEvents({ effect: { kind: 'duplicate', times: 1 } });
    await send(running, 'v1', { configurationSet });
    withheld.remove();
    await send(running, 'v1', { configurationSet });
    expect(typesIn(running)).toEqual(['Send', 'Send', 'Delivery', 'Delivery']);
    running.double.clearDisturbances();
    await send(running, 'v1', { configurationSet });
    expect(typesIn(running).slice(4)).toEqual(['Send', 'Delivery']);
  });

  const RECIPIENTS = Array.from({ length: 14 }, (_, index) => `r${index}@example.net`);

  async function orderWith(seed: number): Promise<string[]> {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.disturbEvents({ effect: { kind: 'reorder', seed, withinMs: 100 } });
    await send(running, 'v1', { configurationSet, to: RECIPIENTS });
    await running.double.eventsSettled();
    return running.double.events.map((event) =>
      event.eventType === 'Delivery' ? event.delivery.recipients.join() : event.eventType,
    );
  }

  it('reorder events, differently for each seed, without losing any', async () => {
    const straight = ['Send', ...RECIPIENTS];
    const orders = [await orderWith(1), await orderWith(2)];
    for (const order of orders) {
      expect(order).not.toEqual(straight);
      expect([...order].sort()).toEqual([...straight].sort());
    }
    expect(orders[0]).not.toEqual(orders[1]);
    expect(await orderWith(1)).toEqual(orders[0]);
  });
});
