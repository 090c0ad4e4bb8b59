import { describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../lib/common/time.ts';
import { ScaledTime } from './stretched-time.ts';

const STARTED_MS = Date.parse('2026-11-22T20:00:00Z');
const FROM_MS = Date.parse('2026-01-14T09:00:00Z');
const time = new ScaledTime({ startedMs: STARTED_MS, fromMs: FROM_MS, speed: 120 });

const seen = { namespace: 'keybuzz/mail', name: 'Any', dimensions: {}, at: STARTED_MS + 30_000 };

describe('scaled time', () => {
  it('maps half a minute of the machine to an hour of the scenario', () => {
    expect(new Date(time.momentOf(STARTED_MS + 30_000)).toISOString()).toBe('2026-01-14T10:00:00.000Z');
  });

  it.each(['Seconds', 'Milliseconds'])('scales values in %s like timestamps', (unit) => {
    const stretched = time.stretched({ ...seen, values: [1.5, 2], unit });

    expect(stretched.values).toEqual([180, 240]);
    expect(stretched.at).toBe(FROM_MS + HOUR_MS);
  });

  it.each(['Count', 'Bytes', 'Percent', 'None'])('leaves values in %s unchanged', (unit) => {
    expect(time.stretched({ ...seen, values: [1.5, 2], unit }).values).toEqual([1.5, 2]);
  });
});
