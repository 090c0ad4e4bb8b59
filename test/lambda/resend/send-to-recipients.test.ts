import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type SendSummary, sendToRecipients } from '../../../lambda/resend/send-to-recipients.ts';
import type { NewSendBatch } from '../../../lib/ports/ledger.ts';
import type { RawMailSender } from '../../../lib/ports/senders.ts';
import { MemoryLedger } from '../../support/memory-ledger.ts';
import { anOffer, offerParts } from '../../support/offer-parts.ts';

interface Scenario {
  readonly recipients: number;
  readonly bad: readonly number[];
  /** How many calls fit into the invocation. @default all */
  readonly calls?: number;
  /** The call that is throttled. @default none */
  readonly throttledAt?: number;
}

interface Outcome {
  readonly offered: SendSummary;
  readonly sent: readonly string[];
  readonly calls: number;
}

const nameOf = (index: number) => `buyer-${index}@example.org`;

/** Sends to an SES that rejects a call if one of its recipients is bad. */
async function run({
  recipients,
  bad,
  calls = Number.POSITIVE_INFINITY,
  throttledAt,
}: Scenario): Promise<Outcome> {
  const rejects = new Set(bad.map(nameOf));
  const sent: string[] = [];
  let made = 0;
  const ses: RawMailSender = {
    send: async (mail) => {
      made += 1;
      if (made === throttledAt) {
        const verdict = { kind: 'retry', cause: 'sending-rate', pace: 'rate', answerLost: false } as const;
        return { kind: 'failed', verdict, detail: '' };
      }
      if (mail.recipients.some((recipient) => rejects.has(recipient))) {
        return { kind: 'failed', verdict: { kind: 'never', cause: 'invalid-for-ses' }, detail: 'no' };
      }
      sent.push(...mail.recipients);
      return { kind: 'sent', sesMessageId: 's' };
    },
  };
  const names = Array.from({ length: recipients }, (_, index) => nameOf(index));
  const offered = await sendToRecipients(anOffer(names), offerParts({ ses, hasTime: () => made < calls }));
  if (offered.kind === 'conflict') throw new Error('the ledger was empty');
  return { offered, sent, calls: made };
}

const refusedIn = ({ refused }: SendSummary) => refused.flatMap(({ recipients }) => recipients);

describe('sending a mail to SES', () => {
  it.each([0, 17, 49])('finds the one bad recipient out of fifty at index %i', async (index) => {
    const { offered, sent, calls } = await run({ recipients: 50, bad: [index] });

    expect(offered.unsent).toEqual([]);
    expect(refusedIn(offered)).toEqual([nameOf(index)]);
    expect(sent).toHaveLength(49);
    expect(calls).toBeLessThanOrEqual(13);
  });

  it('groups recipients of the same cause', async () => {
    const { offered } = await run({ recipients: 120, bad: [3, 60, 61] });

    expect(offered.refused).toHaveLength(1);
    expect([...refusedIn(offered)].sort()).toEqual([3, 60, 61].map(nameOf).sort());
  });

  it('concludes after some calls that the mail itself is the reason, and stops calling', async () => {
    const { offered, calls } = await run({ recipients: 400, bad: Array.from({ length: 400 }, (_, i) => i) });

    expect(calls).toBeLessThanOrEqual(20);
    expect(refusedIn(offered)).toHaveLength(400);
  });

  it.each([
    ['nine of fifty', 50, [0, 6, 12, 18, 24, 30, 36, 42, 48]],
    ['one in each call', 750, Array.from({ length: 15 }, (_, index) => 50 * index)],
    ['one in fifty of ten thousand', 10_000, Array.from({ length: 200 }, (_, index) => 50 * index + 7)],
  ])('does not give up the good recipients for a few bad ones: %s', async (_name, recipients, bad) => {
    const { offered, sent } = await run({ recipients, bad });

    expect([...refusedIn(offered)].sort()).toEqual(bad.map(nameOf).sort());
    expect(sent).toHaveLength(recipients - bad.length);
  });

  it('keeps the results of some if a service then fails for others', async () => {
    const ses: RawMailSender = { send: async () => ({ kind: 'sent', sesMessageId: 's' }) };
    let looks = 0;
    const suppressions = {
      find: async () => {
        looks += 1;
        if (looks > 1) throw new Error('down');
        return new Map();
      },
    };
    const names = Array.from({ length: 60 }, (_, index) => nameOf(index));

    const offered = await sendToRecipients(anOffer(names), offerParts({ ses, suppressions }));

    expect(offered).toMatchObject({ pace: 'outage', unsent: names.slice(50) });
    expect(offered).toMatchObject({ sent: [{ recipients: names.slice(0, 50), sesMessageId: 's' }] });
  });

  it('releases a claim whose response was lost, because no call was made under it', async () => {
    class LostResponses extends MemoryLedger {
      override async open(part: NewSendBatch): Promise<boolean> {
        await super.open(part);
        throw new Error('the response was lost');
      }
    }
    const ledger = new LostResponses();
    const ses: RawMailSender = { send: async () => ({ kind: 'sent', sesMessageId: 's' }) };

    await expect(sendToRecipients(anOffer([nameOf(0)]), offerParts({ ses, ledger }))).rejects.toThrow('lost');

    expect(ledger.batches).toMatchObject([{ state: 'open' }]);
  });

  it('sends to some within three calls, so that no attempt is wasted if time is short', async () => {
    for (let index = 0; index < 50; index += 1) {
      const { sent, offered } = await run({ recipients: 50, bad: [index], calls: 3 });
      expect(sent.length).toBeGreaterThanOrEqual(25);
      expect(offered.pace).toBeUndefined();
    }
  });

  it('backs off if it made no progress', async () => {
    const { offered } = await run({ recipients: 50, bad: [0, 49], calls: 2 });

    expect(offered).toMatchObject({ refused: [], sent: [], pace: 'outage' });
    expect(offered.unsent).toHaveLength(50);
  });

  it('loses no recipient and sends to none twice, in any scenario', async () => {
    const scenario = fc.record({
      recipients: fc.integer({ min: 0, max: 160 }),
      bad: fc.array(fc.integer({ min: 0, max: 159 }), { maxLength: 12 }),
      calls: fc.integer({ min: 0, max: 60 }),
      throttledAt: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ throttledAt, ...rest }) => {
        const { offered, sent } = await run({
          ...rest,
          ...(throttledAt === undefined ? {} : { throttledAt }),
        });
        const all = [...sent, ...refusedIn(offered), ...offered.unsent].sort();
        expect(all).toEqual(Array.from({ length: rest.recipients }, (_, index) => nameOf(index)).sort());
        expect(sent.filter((name) => rest.bad.map(nameOf).includes(name))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
