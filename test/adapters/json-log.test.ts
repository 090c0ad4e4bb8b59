import { describe, expect, it } from '@jest/globals';
import { EmbeddedMetrics } from '../../lib/adapters/cloudwatch/embedded-metrics.ts';
import { createJsonLog } from '../../lib/adapters/json-log.ts';
import { systemClock } from '../../lib/ports/runtime.ts';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** RFC 3339, 5.6, as Lambda asks for it. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * What Lambda keeps of the lines of a function that logs in JSON. A line without a level or a timestamp that it knows has the
 * level INFO.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
function keptByLambda(lines: readonly string[], applicationLogLevel: string): string[] {
  return lines.filter((line) => {
    const { level, timestamp } = JSON.parse(line);
    const isKnown = LEVELS.includes(level) && TIMESTAMP.test(timestamp);
    return LEVELS.indexOf(isKnown ? level : 'INFO') >= LEVELS.indexOf(applicationLogLevel);
  });
}

const eventsIn = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).event);

describe('the log of a Lambda', () => {
  const lines: string[] = [];
  const log = createJsonLog((line) => lines.push(line), { base: { requestId: 'request-1' } });
  log.info('resent', { deliveryId: 'reply-1' });
  log.warn('ses-send-deferred');
  log.error('service-failed');

  it('has levels that Lambda knows', () => {
    expect(eventsIn(keptByLambda(lines, 'INFO'))).toEqual(['resent', 'ses-send-deferred', 'service-failed']);
    expect(eventsIn(keptByLambda(lines, 'WARN'))).toEqual(['ses-send-deferred', 'service-failed']);
    expect(eventsIn(keptByLambda(lines, 'ERROR'))).toEqual(['service-failed']);
  });

  it('keeps the embedded metrics at the level that the functions are deployed with, and would lose them at the next', () => {
    const written: string[] = [];
    const metrics = new EmbeddedMetrics({
      namespace: 'keybuzz/mail',
      stage: 'dev',
      write: (line) => written.push(line),
      clock: systemClock,
    });
    metrics.add('Resent', 1);
    metrics.flush();

    expect(written).toHaveLength(1);
    expect(keptByLambda(written, 'INFO')).toEqual(written);
    expect(keptByLambda(written, 'WARN')).toEqual([]);
  });
});
