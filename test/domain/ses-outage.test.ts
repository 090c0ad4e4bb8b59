import { describe, expect, it } from '@jest/globals';
import {
  afterFailure,
  isClosed,
  paceOfMail,
  passOutage,
  type SesOutage,
} from '../../lib/domain/ses-outage.ts';

const T0 = Date.parse('2026-11-28T12:00:00Z');
const down = { cause: 'ses-unreachable', pace: 'outage' } as const;
const paused = { cause: 'sending-paused', pace: 'hours' } as const;

function failTimes(count: number, failure: typeof down | typeof paused = down): SesOutage | undefined {
  let outage: SesOutage | undefined;
  for (let failed = 0; failed < count; failed += 1) outage = afterFailure(outage, failure, T0);
  return outage;
}

describe('the memory of an outage of SES', () => {
  it('begins after three failures in a row, or at once with a pause of the account', () => {
    expect([1, 2, 3].map((count) => isClosed(failTimes(count)))).toEqual([false, false, true]);
    expect(isClosed(failTimes(1, paused))).toBe(true);
  });

  it('does not count failures that are minutes apart', () => {
    const before = failTimes(2);

    expect(isClosed(afterFailure(before, down, T0 + 120_000))).toBe(false);
  });

  it('lets one probe pass at a time, and another only if that one does not report', () => {
    const outage = failTimes(3);
    const probeAtMs = outage?.probeAtMs ?? 0;

    expect(passOutage(outage, probeAtMs - 1)).toEqual({
      kind: 'closed',
      cause: 'ses-unreachable',
      untilMs: probeAtMs,
    });
    const probe = passOutage(outage, probeAtMs);
    if (probe.kind !== 'probe') throw new Error('no probe');
    expect(passOutage(probe.outage, probeAtMs + 29_000).kind).toBe('closed');
    expect(passOutage(probe.outage, probeAtMs + 30_000).kind).toBe('probe');
  });

  it.each([
    [down, 30_000],
    [paused, 120_000],
  ] as const)('probes %j at most every %i ms, however long it lasts', (failure, longestMs) => {
    let outage = failTimes(3, failure);
    const waits: number[] = [];
    for (let probes = 0; probes < 500; probes += 1) {
      const atMs = outage?.probeAtMs ?? 0;
      outage = afterFailure(outage, failure, atMs);
      waits.push((outage.probeAtMs ?? 0) - atMs);
    }

    expect(Math.max(...waits)).toBe(longestMs);
    expect(waits.at(-1)).toBe(longestMs);
    expect(outage?.sinceMs).toBe(T0);
  });

  it('is probed even if a function with a wrong clock put that off by years', () => {
    const outage = { cause: 'ses-unreachable', sinceMs: T0, failures: 3, probeAtMs: T0 + 1e12 };

    expect(passOutage(outage, T0)).toMatchObject({ kind: 'probe', outage: { probeAtMs: T0 + 30_000 } });
  });

  it('does not make the mail of a failed probe wait longer than the others', () => {
    expect(paceOfMail(paused)).toBe('outage');
    expect(paceOfMail({ cause: 'daily-quota', pace: 'hours' })).toBe('outage');
    expect(paceOfMail({ cause: 'identity-not-verified', pace: 'hours' })).toBe('hours');
    expect(paceOfMail({ cause: 'sending-rate', pace: 'rate' })).toBe('rate');
  });
});
