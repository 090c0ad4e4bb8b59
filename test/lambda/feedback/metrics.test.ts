import { beforeEach, describe, expect, it } from '@jest/globals';
import { type FeedbackDeps, feedbackBatch } from '../../../lambda/feedback/batch.ts';
import type { BatchState, BatchStatuses } from '../../../lib/ports/ledger.ts';
import { aRecord } from '../../support/a-record.ts';
import { aBounce, aComplaint, aDelay, aDelivery, anAutomaticReply, aSend } from '../../support/an-event.ts';
import { FeedbackBench } from '../../support/feedback-bench.ts';

const marie = 'marie@example.org';
const at = '2026-08-01T10:00:07.000Z';
const failedAt = String(Date.parse('2026-08-01T09:59:59.500Z'));

/** The clock of the bench is at 10:01. */
const endingAt = (time: string) => ({
  token: 'a',
  startedAt: new Date('2026-08-01T10:00:00Z'),
  endsAt: new Date(time),
});

const aPart = (state: BatchState, fields: Partial<BatchStatuses> = {}): BatchStatuses => ({
  deliveryId: 'reply-1',
  part: 0,
  recipients: [marie],
  state,
  claim: endingAt('2026-08-01T10:00:24Z'),
  statuses: {},
  fatesVersion: 0,
  ...(state === 'sent' ? { sesMessageId: 'ses-1', sentAt: new Date('2026-08-01T10:00:00.400Z') } : {}),
  ...fields,
});

describe('the metrics of the feedback Lambda', () => {
  let bench: FeedbackBench;

  beforeEach(() => {
    bench = new FeedbackBench();
    bench.ledger.put(aPart('sent'));
  });

  const apply = (bodies: readonly string[], changed: Partial<FeedbackDeps> = {}) =>
    feedbackBatch(
      bodies.map((body) => aRecord(body)),
      { ...bench.deps, ...changed },
    );

  describe('of outcomes', () => {
    it.each([
      ['a delivery', aDelivery(marie, at), { Delivered: 1 }],
      ['a permanent bounce', aBounce(marie, at), { 'Bounced hard': 1 }],
      ['another bounce', aBounce(marie, at, {}, 'Transient', 'MailboxFull'), { 'Bounced soft': 1 }],
      ['a bounce of no known type', aBounce(marie, at, {}, 'Undetermined'), { 'Bounced soft': 1 }],
      ['a complaint', aComplaint(marie, at), { Complained: 1 }],
      ['a delay', aDelay(marie, at), {}],
      ['that it was sent', aSend(), {}],
      ['an out-of-office reply', anAutomaticReply(marie, at), {}],
    ])('count %s once, even if it is repeated', async (_name, event, expected) => {
      await apply([event, event]);
      await apply([event]);

      expect(bench.metrics.sums).toEqual(expected);
    });

    it('count each recipient', async () => {
      const both = { to: [marie, 'paul@example.org'] };
      bench.ledger.put(aPart('sent', { recipients: both.to }));

      await apply([aDelivery(marie, at, both), aDelivery('paul@example.org', at, both)]);

      expect(bench.metrics.sums).toEqual({ Delivered: 2 });
    });

    it('count nothing before it is reported and written', async () => {
      await apply([aDelivery(marie, at)], { receipts: { push: async (all) => all } });
      expect(bench.metrics.values('Delivered')).toEqual([]);

      await apply([aDelivery(marie, at)]);

      expect(bench.metrics.values('Delivered')).toEqual([1]);
    });
  });

  describe('of the time to delivery', () => {
    it('measure from the failure of SMTP', async () => {
      await apply([aDelivery(marie, at, { failedAt })]);
      await apply([aDelivery(marie, at, { failedAt })]);

      expect(bench.metrics.values('TimeToDelivery')).toEqual([7_500]);
    });

    it('ignore other events', async () => {
      await apply([aSend({ failedAt }), aBounce(marie, at, { failedAt })]);

      expect(bench.metrics.values('TimeToDelivery')).toEqual([]);
    });

    it.each([
      ['absent', undefined],
      ['not a number', 'yesterday'],
      ['too long ago', '0'],
      ['years in the future', '99999999999999'],
      ['out of range', '9'.repeat(300)],
    ])('measure nothing if the tag is %s, but count the delivery', async (_name, tag) => {
      await apply([aDelivery(marie, at, tag === undefined ? {} : { failedAt: tag })]);

      expect(bench.metrics.sums).toEqual({ Delivered: 1 });
    });

    it.each([[null], ['text'], [[]], [[7]], [{ a: 1 }]])('lose no event if the tag is %j', async (tag) => {
      const event = JSON.parse(aDelivery(marie, at));
      event.mail.tags.failedAt = tag;

      await apply([JSON.stringify(event)]);

      expect(bench.metrics.sums).toEqual({ Delivered: 1 });
      expect(bench.parked).toEqual([]);
    });
  });

  describe('of unknown results', () => {
    it.each([
      ['a call without a response', aPart('unknown'), 1],
      ['a call whose function was killed', aPart('sending'), 1],
      ['a call in progress', aPart('sending', { claim: endingAt('2026-08-01T10:01:01Z') }), 0],
      ['a call with a response', aPart('sent'), 0],
      ['a call that SES did not accept', aPart('open'), 0],
    ])('count what an event proves: %s', async (_name, part, expected) => {
      bench.ledger.put(part);

      await apply([aSend()], { receipts: { push: async (all) => all } });
      await apply([aSend()]);
      await apply([aDelivery(marie, at)]);

      expect(bench.metrics.values('UnknownOutcomesResolved event')).toHaveLength(expected);
    });
  });

  describe('of mails sent twice', () => {
    const again = { sesMessageId: 'ses-2', sentAt: '2026-08-01T10:00:30.000Z' };

    it.each([
      ['the response is known', aPart('sent'), [aSend(again), aDelivery(marie, at, again)]],
      ['the response was lost', aPart('unknown'), [aSend(), aSend(again)]],
      ['the second comes first', aPart('unknown'), [aSend(again), aSend()]],
      ['other events come first', aPart('sent'), [aDelivery(marie, at, again), aSend(), aSend(again)]],
    ])('count the duplicate: %s', async (_name, part, events) => {
      bench.ledger.put(part);
      for (const event of events) await apply([event]);
      expect(bench.metrics.values('SentTwice')).toEqual([1]);

      bench = new FeedbackBench();
      bench.ledger.put(part);
      await apply(events);
      expect(bench.metrics.values('SentTwice')).toEqual([1]);
    });

    it('count none if one mail has many events', async () => {
      await apply([aSend(), aSend(), aDelivery(marie, at), aComplaint(marie, at)]);
      await apply([aSend()]);

      expect(bench.metrics.values('SentTwice')).toEqual([]);
    });
  });

  it('count events that cannot be parsed, once they are dead-lettered', async () => {
    const down = { deadLetters: { park: () => Promise.reject(new Error('down')) } };
    await apply(['nonsense'], down);
    expect(bench.metrics.values('EventsUnreadable')).toEqual([]);

    await apply(['nonsense']);

    expect(bench.metrics.values('EventsUnreadable')).toEqual([1]);
  });

  it('report the age of each event that stays in the queue', async () => {
    const sentAt = String(Date.parse('2026-08-01T10:00:15.000Z'));
    const records = [aSend(), aDelivery(marie, at)].map((body) => aRecord(body, { SentTimestamp: sentAt }));

    await feedbackBatch(records, { ...bench.deps, hasTime: () => false });

    expect(bench.metrics.values('EventRetryAge')).toEqual([45, 45]);
  });
});
