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

const ACCEPTED = ['SmtpTaken', 1];
const failed = (failureClass: string) => ['SmtpFailed', 1, failureClass];

describe('a delivery that a worker has completed', () => {
  it.each<[string, Pick<CompletedEvent, 'outcome' | 'failureClass'>, unknown[][]]>([
    ['accepted by SMTP', { outcome: 'taken' }, [ACCEPTED]],
    ['handed over', { outcome: 'handed-over', failureClass: 'circuit-open' }, [failed('circuit-open')]],
    [
      'accepted for some recipients only',
      { outcome: 'split', failureClass: 'rejected' },
      [ACCEPTED, failed('rejected')],
    ],
    [
      'accepted by neither SMTP nor the queue',
      { outcome: 'not-accepted', failureClass: 'tls' },
      [failed('tls')],
    ],
    ['held, because SMTP may have accepted it', { outcome: 'held', failureClass: 'unknown' }, []],
    ['refused', { outcome: 'refused' }, []],
    ['known to be accepted by SES', { outcome: 'handed-over' }, []],
  ])('is counted correctly if it was %s', (_, event, expected) => {
    expect(countedOf(event)).toEqual(expected);
  });
});
