import type { Message } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import type { SQSRecord } from 'aws-lambda';
import { DynamoSuppressionReports } from '../../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { classifySesError } from '../../../lib/adapters/ses/classify-ses-error.ts';
import { MINUTE_MS } from '../../../lib/common/time.ts';
import { packMime } from '../../../lib/domain/content.ts';
import type { Failure } from '../../../lib/domain/failure.ts';
import type { SuppressionSignal } from '../../../lib/domain/suppression.ts';
import type { FallbackQueue, ReceiptQueue } from '../../../lib/ports/queues.ts';
import { aRecord, aRecordOf } from '../../support/a-record.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { takeAll } from '../../support/queue-contents.ts';
import { recipients, useResendBench } from './resend-bench.ts';

const DOWN = { kind: 'error', status: 500 } as const;
const ago = (ms: number) => new Date(Date.now() - ms);
const failureAt = (at: Date, fields: Partial<Failure> = {}): Failure => ({
  class: 'unreachable',
  phase: 'connect',
  at: at.toISOString(),
  ...fields,
});
const mailTo = (to: readonly string[]) => ({ envelope: { from: 'support@keybuzz.io', to: [...to] } });

/** Converts a message of the queue into the record that Lambda receives. */
function recordOf({ Body = '', MessageAttributes = {} }: Message): SQSRecord {
  const attribute = { stringListValues: [], binaryListValues: [], dataType: 'String' };
  const names = Object.keys(MessageAttributes);
  return { ...aRecord(Body), messageAttributes: Object.fromEntries(names.map((name) => [name, attribute])) };
}

describe('the metrics of the resend Lambda', () => {
  const bench = useResendBench();
  const count = (key: string) => bench.metrics.sums[key] ?? 0;
  const suppress = async (address: string, kind: SuppressionSignal['kind']) => {
    const reports = new DynamoSuppressionReports(bench.dynamoDb.client, {
      tableName: bench.dynamoDb.suppressionTable,
      timeoutMs: 5_000,
      policy: { softBounces: 3, windowDays: 7 },
    });
    await reports.report(address, { kind, at: new Date(), deliveryId: 'earlier', sesMessageId: 'ses-1' });
  };

  describe('of handed-over mail', () => {
    it('count each recipient, by the class of the SMTP failure', async () => {
      const to = ['marie@example.org', 'marie@Example.org', 'paul@example.org'];
      await bench.resend([
        aRecordOf(anEnvelope({ failure: failureAt(new Date()), ...mailTo(to) })),
        aRecordOf(anEnvelope({ failure: failureAt(new Date(), { class: 'rejected', response: '550 No' }) })),
        aRecordOf(anEnvelope()),
      ]);

      expect(bench.metrics.sums).toMatchObject({
        'HandedOver unreachable': 2,
        'HandedOver rejected': 1,
        'HandedOver not-tried': 1,
        SmtpDown: 2,
      });
    });

    it('count the failure that opened the circuit, if SMTP was not even tried', async () => {
      const failure = failureAt(new Date(), { class: 'circuit-open', openedBy: 'tls', phase: 'queue' });
      await bench.resend([aRecordOf(anEnvelope({ failure }))]);

      expect(count('HandedOver tls')).toBe(1);
      expect(count('HandedOver circuit-open')).toBe(0);
    });

    it('count only the first receive, even if there is no time to send', async () => {
      const envelope = anEnvelope({ failure: failureAt(new Date()) });

      await bench.resend([aRecordOf(envelope)], { hasTime: () => false });
      await bench.resend([aRecordOf(envelope, { ApproximateReceiveCount: '2' })]);

      expect(count('HandedOver unreachable')).toBe(1);
      expect(count('SmtpDown')).toBe(1);
      expect(count('Resent')).toBe(1);
    });

    it.each([
      ['a redriven dead letter', { failure: failureAt(ago(10 * MINUTE_MS)) }, 0],
      ['one without a failure', { createdAt: ago(10 * MINUTE_MS).toISOString() }, 0],
      ['a mail with a clock that is behind', { failure: failureAt(ago(4 * MINUTE_MS)) }, 1],
      ['a mail with a clock that is ahead', { failure: failureAt(ago(-4 * MINUTE_MS)) }, 1],
      [
        'an old mail that failed now',
        { failure: failureAt(new Date()), createdAt: '2026-01-01T00:00:00Z' },
        1,
      ],
    ])('%s', async (_name, fields, expected) => {
      await bench.resend([aRecordOf(anEnvelope(fields))]);

      expect(count('HandedOver unreachable') + count('HandedOver not-tried')).toBe(expected);
      expect(count('Resent')).toBe(1);
    });

    it('do not count mail that the Lambda itself requeued for the rest', async () => {
      bench.ses.fault({ effect: { kind: 'throttling' }, when: () => bench.ses.mails.length === 1 });
      const envelope = anEnvelope({ failure: failureAt(new Date()), ...mailTo(recipients(60)) });
      const { queue } = bench.deps;
      const atOnce: FallbackQueue = { push: (left, how) => queue.push(left, { ...how, delaySeconds: 0 }) };
      await bench.resend([aRecordOf(envelope)], { queue: atOnce });

      const [left] = await takeAll(bench.aws, bench.aws.fallback);
      await bench.resend([recordOf(left ?? {})]);

      expect(count('Resent')).toBe(60);
      expect(count('HandedOver unreachable')).toBe(60);
      expect(count('SmtpDown')).toBe(60);
    });
  });

  describe('of mail that SES accepted', () => {
    it('count the recipients, and for each call its bytes and latency', async () => {
      const mime = mimeFrom('support@keybuzz.io');
      const failure = failureAt(ago(2_000));
      const now = new Date();

      await bench.resend(
        [aRecordOf(anEnvelope({ failure, content: packMime(mime), ...mailTo(recipients(60)) }))],
        { clock: { now: () => now } },
      );

      const elapsedMs = now.getTime() - Date.parse(failure.at);
      expect(Object.keys(bench.metrics.sums).sort()).toEqual([
        'HandedOver unreachable',
        'Resent',
        'ResentBytes',
        'SmtpDown',
        'TimeToAcceptance',
      ]);
      expect(bench.metrics.values('Resent')).toEqual([50, 10]);
      expect(bench.metrics.values('ResentBytes')).toEqual([mime.length, mime.length]);
      expect(bench.metrics.values('TimeToAcceptance')).toEqual([elapsedMs, elapsedMs]);
      const failedAt = String(Date.parse(failure.at));
      expect(bench.ses.mails.map(({ tags }) => tags.failedAt)).toEqual([failedAt, failedAt]);
    });

    it.each([
      ['without a failure, since the API created it', { createdAt: ago(7_000).toISOString() }, 7_000],
      [
        'with an invalid time, the same',
        { failure: { ...failureAt(ago(0)), at: '2026-11-22T12:00:00+05' } },
        0,
      ],
      ['by a clock that is ahead, nothing', { failure: failureAt(ago(-90_000)) }, 0],
    ])('measure the time: %s', async (_name, fields, leastMs) => {
      await bench.resend([aRecordOf(anEnvelope(fields))]);

      const [elapsedMs = Number.NaN] = bench.metrics.values('TimeToAcceptance');
      expect(elapsedMs).toBeGreaterThanOrEqual(leastMs);
      expect(elapsedMs).toBeLessThan(leastMs + MINUTE_MS);
    });

    it('count only the refusal while SES throttles', async () => {
      bench.ses.fault({ effect: { kind: 'throttling' } });

      await bench.resend([aRecordOf(anEnvelope(), { SentTimestamp: String(Date.now() - 90_000) })]);

      expect(Object.keys(bench.metrics.sums).sort()).toEqual([
        'HandedOver not-tried',
        'MailRetryAge',
        'Throttled',
      ]);
      expect(bench.metrics.values('MailRetryAge')[0]).toBeGreaterThanOrEqual(90);
    });

    it('do not count the age of held mail, which is no sign that SES takes none', async () => {
      bench.ses.fault({ effect: { kind: 'throttling' } });

      await bench.resend([aRecordOf(anEnvelope())], { isHeld: true });

      expect(Object.keys(bench.metrics.sums)).toContain('Throttled');
      expect(Object.keys(bench.metrics.sums)).not.toContain('MailRetryAge');
    });
  });

  it('counts as prevented what SES has accepted according to the ledger', async () => {
    const record = aRecordOf(anEnvelope(mailTo(recipients(2))));

    await bench.resend([record]);
    expect(count('DuplicatesPrevented')).toBe(0);
    await bench.resend([record]);

    expect(count('DuplicatesPrevented')).toBe(2);
    expect(count('Resent')).toBe(2);
  });

  it('counts suppressed recipients by reason, once the API has receipts', async () => {
    await suppress('counted@example.org', 'hard-bounce');
    await suppress('counted-2@example.org', 'complaint');
    const record = aRecordOf(anEnvelope(mailTo(['counted@example.org', 'counted-2@example.org'])));

    bench.aws.fault({ fault: DOWN, on: { action: 'SendMessageBatch' } });
    await bench.resend([record]);
    expect(count('Suppressed hard-bounce')).toBe(0);
    bench.aws.heal();
    await bench.resend([record]);

    expect(bench.metrics.sums).toMatchObject({ 'Suppressed hard-bounce': 1, 'Suppressed complaint': 1 });
  });

  it('counts suppressed recipients once, even if at first only their receipts were queued', async () => {
    await suppress('half-reported@example.org', 'hard-bounce');
    const record = aRecordOf(anEnvelope(mailTo(['half-reported@example.org', 'fine@example.org'])));
    const { receipts } = bench.deps;
    const onlySuppressed: ReceiptQueue = {
      push: async (all) => {
        const [sent, others] = [true, false].map((isSent) =>
          all.filter(({ kind }) => (kind === 'sent') === isSent),
        );
        return [...(sent ?? []), ...(await receipts.push(others ?? []))];
      },
    };

    const { batchItemFailures } = await bench.resend([record], { receipts: onlySuppressed });
    await bench.resend([record]);

    expect(batchItemFailures).toHaveLength(1);
    expect(count('Suppressed hard-bounce')).toBe(1);
  });

  describe('of dead letters', () => {
    const expired = () => anEnvelope({ expiresAt: '2020-01-01T00:00:00.000Z', ...mailTo(recipients(3)) });

    it('count each by cause, once it is dead-lettered', async () => {
      const foreign = anEnvelope({ content: packMime(mimeFrom('ceo@example.com')) });
      bench.aws.fault({ fault: DOWN, on: { action: 'SendMessage' } });
      await bench.resend([aRecordOf(foreign)]);
      expect(count('DeadLettered foreign-sender')).toBe(0);
      bench.aws.heal();

      await bench.resend([aRecord('nonsense'), aRecordOf(foreign)]);

      expect(bench.metrics.sums).toMatchObject({
        'DeadLettered not-json': 1,
        'DeadLettered foreign-sender': 1,
      });
      expect(count('Expired')).toBe(0);
    });

    it('count each recipient as expired, and the dead letter once', async () => {
      await bench.resend([aRecordOf(expired())]);

      expect(bench.metrics.sums).toMatchObject({ 'DeadLettered expired': 1, Expired: 3 });
    });

    it.each(['MessageRejected', 'InvalidParameterValue'])('count a rejection by SES: %s', async (code) => {
      const verdict = classifySesError(code, 'no', 400);
      const ses = { send: async () => ({ kind: 'failed' as const, verdict, detail: 'no' }) };

      await bench.resend([aRecordOf(anEnvelope())], { ses });

      expect(count('DeadLettered refused-by-ses')).toBe(1);
      expect(await bench.parked()).toHaveLength(1);
    });
  });

  describe('of unknown results', () => {
    const soon = { eventWait: { leastMs: 1, defaultMs: 1, mostMs: 1 } };
    const inAnHour = { clock: { now: () => new Date(Date.now() + 60 * MINUTE_MS) } };

    it('count each call, and that it was repeated', async () => {
      bench.ses.fault({ effect: { kind: 'reset', accepted: false } });
      const record = aRecordOf(anEnvelope(mailTo(recipients(2))));

      await bench.resend([record], soon);
      expect(bench.metrics.sums).toMatchObject({ UnknownOutcomes: 1 });
      expect(count('UnknownOutcomesResolved sent-again')).toBe(0);
      await bench.resend([record], { ...soon, ...inAnHour });

      expect(bench.metrics.sums).toMatchObject({
        UnknownOutcomes: 1,
        'UnknownOutcomesResolved sent-again': 1,
        Resent: 2,
      });
    });

    it('count what was dead-lettered with an unknown result', async () => {
      const envelope = anEnvelope({ expiresAt: ago(-MINUTE_MS).toISOString() });
      bench.ses.fault({ effect: { kind: 'reset', accepted: false } });
      await bench.resend([aRecordOf(envelope)], soon);

      await bench.resend([aRecordOf(envelope)], { ...soon, ...inAnHour });

      expect(bench.metrics.sums).toMatchObject({ 'UnknownOutcomesResolved parked': 1, Expired: 1 });
    });

    it('count nothing if SES rejected, and was called again', async () => {
      bench.ses.fault({ effect: { kind: 'throttling' } });
      const record = aRecordOf(anEnvelope());

      await bench.resend([record]);
      await bench.resend([record]);

      expect(count('Resent')).toBe(1);
      expect(Object.keys(bench.metrics.sums).filter((name) => /Lost/.test(name))).toEqual([]);
    });
  });
});
