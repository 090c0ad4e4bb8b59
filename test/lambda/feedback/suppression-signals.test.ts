import { beforeEach, describe, expect, it } from '@jest/globals';
import { feedbackBatch } from '../../../lambda/feedback/batch.ts';
import { aRecord } from '../../support/a-record.ts';
import { aBounce, aBounceOf, anAutomaticReply, anEvent } from '../../support/an-event.ts';
import { FeedbackBench } from '../../support/feedback-bench.ts';

const at = '2026-08-01T10:00:07.000Z';
const marie = 'marie@example.org';
const paul = 'paul@example.org';
const stranger = 'stranger@elsewhere.example';
const softBounce = { softBounces: { 'ses-1': { at: new Date(at), deliveryId: 'reply-1' } } };

let bench: FeedbackBench;

beforeEach(() => {
  bench = new FeedbackBench();
});

const apply = (body: string) => feedbackBatch([aRecord(body)], bench.deps);

describe('the suppression list', () => {
  it.each(['Transient', 'Undetermined'])('gets a bounce that is %s as a soft one', async (type) => {
    await apply(aBounce(marie, at, {}, type));

    expect([...bench.suppressions]).toEqual([[marie, softBounce]]);
  });

  it('gets a bounce without details', async () => {
    const bounce = aBounceOf(
      { type: 'Undetermined', subType: 'Undetermined', recipients: [{ emailAddress: marie }] },
      at,
    );

    await apply(JSON.stringify(anEvent('Bounce', { bounce })));

    expect([...bench.suppressions]).toEqual([[marie, softBounce]]);
    expect(await bench.statuses()).toMatchObject({ [marie]: { kind: 'bounced' } });
  });

  it.each(['ContentRejected', 'AttachmentRejected', 'MessageTooLarge'])(
    'does not get a bounce caused by the mail: %s',
    async (subType) => {
      await apply(aBounce(marie, at, {}, 'Transient', subType));

      expect(bench.suppressions.size).toBe(0);
      expect(bench.known).toMatchObject({ [marie]: { kind: 'bounced', bounce: { subType } } });
    },
  );

  it.each([
    ['its words', { diagnosticCode: 'smtp; 550 4.4.7 unable to deliver: TLS required but not offered' }],
    ['its words, of STARTTLS', { diagnosticCode: 'smtp; 454 STARTTLS not available' }],
    ['its status', { diagnosticCode: 'smtp; 550 refused', status: '5.7.10' }],
  ])('is not told of a bounce because the server has no TLS, by %s', async (_by, report) => {
    const recipients = [{ emailAddress: marie, action: 'failed', ...report }];

    await apply(
      JSON.stringify(
        anEvent('Bounce', { bounce: aBounceOf({ type: 'Transient', subType: 'General', recipients }, at) }),
      ),
    );

    expect(bench.suppressions.size).toBe(0);
    expect(bench.known).toMatchObject({ [marie]: { kind: 'bounced' } });
  });

  it('is not told of an automatic reply, nor is anybody else, but for a line in the log', async () => {
    await apply(anAutomaticReply(marie, at));

    expect(bench.suppressions.size).toBe(0);
    expect(bench.known).toMatchObject({ [marie]: { kind: 'sent' } });
    expect(bench.lines('automatic-reply')).toMatchObject([{ deliveryId: 'reply-1', recipients: 1 }]);
  });

  it('gets no address that the mail was not sent to, and neither does the ledger', async () => {
    const recipients = [{ emailAddress: stranger }, { emailAddress: 'no address' }, { emailAddress: paul }];
    const bounce = aBounceOf({ recipients }, at);

    await apply(JSON.stringify(anEvent('Bounce', { bounce }, { to: [marie, paul] })));

    expect([...bench.suppressions.keys()]).toEqual([paul]);
    expect(Object.keys((await bench.statuses()) ?? {})).toEqual([marie, paul]);
    expect(Object.keys(bench.known)).toEqual(expect.not.arrayContaining([stranger]));
    expect(bench.lines('mentions-dropped')).toMatchObject([{ deliveryId: 'reply-1', mentions: 2 }]);
    expect(JSON.stringify(bench.logged)).not.toContain('elsewhere.example');
  });

  it('logs nothing if every address is a recipient', async () => {
    await apply(aBounce(paul, at, { to: [marie, paul] }));

    expect([...bench.suppressions.keys()]).toEqual([paul]);
    expect(bench.lines('mentions-dropped')).toEqual([]);
    expect(bench.lines('automatic-reply')).toEqual([]);
  });
});
