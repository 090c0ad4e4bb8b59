import { describe, expect, it } from '@jest/globals';
import type { CompletedEvent } from '../../lib/ports/outbox.ts';
import type { Metrics } from '../../lib/ports/runtime.ts';
import { countCompleted } from '../../lib/worker/publish-metrics.ts';

function countedOf(event: Pick<CompletedEvent, 'outcome' | 'failureClass'>): unknown[][] {
  const counted: unknown[][] = [];
  const metrics: Metrics = { add: (...what: unknown[]) => void counted.push(what) };
  countCompleted(metrics, { waitedMs: 1, handledMs: 1, ...event });
  return counted;
}

const TAKEN = ['SmtpTaken', 1];
const failed = (failureClass: string) => ['SmtpFailed', 1, failureClass];

describe('a delivery that a worker has seen out', () => {
  it.each<[string, Pick<CompletedEvent, 'outcome' | 'failureClass'>, unknown[][]]>([
    ['taken', { outcome: 'taken' }, [TAKEN]],
    ['handed over', { outcome: 'handed-over', failureClass: 'circuit-open' }, [failed('circuit-open')]],
    ['taken for some alone', { outcome: 'split', failureClass: 'rejected' }, [TAKEN, failed('rejected')]],
    ['taken by neither way', { outcome: 'not-accepted', failureClass: 'tls' }, [failed('tls')]],
    ['held, as SMTP may have taken it', { outcome: 'held', failureClass: 'unknown' }, []],
    ['refused', { outcome: 'refused' }, []],
    ['known to be in the hands of SES', { outcome: 'handed-over' }, []],
  ])('counts as it should where it was %s', (_, event, expected) => {
    expect(countedOf(event)).toEqual(expected);
  });
});
