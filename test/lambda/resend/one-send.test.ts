import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sendToRecipients } from '../../../lambda/resend/send-to-recipients.ts';
import type { RawMailSender, SesErrorClass } from '../../../lib/ports/senders.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { MemoryLedger } from '../../support/memory-ledger.ts';
import { anOffer, offerParts } from '../../support/offer-parts.ts';

const START = Date.parse('2026-11-22T12:00:00Z');
const WAIT_MS = 900_000;

/** What happens at one try: how SES answers its calls, and how long until the next one. */
interface Try {
  readonly answers: readonly ('sent' | 'lost, sent' | 'lost, not sent' | 'throttled' | 'killed')[];
  readonly nextAfterMs: number;
  /** Whether the events of what was sent have come before the next try. */
  readonly eventsCome: boolean;
}

class Killed extends Error {}

const verdict = (answerLost: boolean): SesErrorClass => ({
  kind: 'retry',
  cause: 'test',
  pace: 'outage',
  answerLost,
});

/** The same message, tried again and again against one ledger; SES does as it is told. */
class Story {
  readonly ledger = new MemoryLedger();
  readonly sent: string[] = [];
  readonly #envelope = anEnvelope({ id: 'one' });
  readonly #offer;
  #now = START;
  #events: { readonly part: number; readonly dueAt: number }[] = [];

  constructor(recipients: readonly string[]) {
    this.#offer = anOffer(recipients, { message: this.#envelope });
  }

  async try({ answers, nextAfterMs, eventsCome }: Try) {
    const left = [...answers];
    const ses: RawMailSender = {
      send: async ({ recipients, part }) => {
        const answer = left.shift() ?? 'sent';
        if (answer === 'killed') throw new Killed();
        const sent = answer === 'sent' || answer === 'lost, sent';
        if (sent) {
          this.sent.push(...recipients);
          this.#events.push({ part, dueAt: this.#now + 1_000 });
        }
        if (answer === 'sent') return { kind: 'sent', sesMessageId: `ses-${part}` };
        return { kind: 'failed', verdict: verdict(answer.startsWith('lost')), detail: '' };
      },
    };
    const clock = { now: () => new Date(this.#now) };
    const deps = offerParts({ ses, ledger: this.ledger, clock });
    const offered = await sendToRecipients(this.#offer, deps).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    this.#now += nextAfterMs;
    // An event comes within the wait, or with the first try after it.
    this.#events = this.#events.filter(({ part, dueAt }) => {
      const isHere = eventsCome || this.#now >= dueAt + WAIT_MS / 2;
      if (isHere) this.ledger.markSent('one', part, `ses-${part}`, new Date(dueAt));
      return !isHere;
    });
    return offered;
  }
}

const tries = fc.array(
  fc.record<Try>({
    answers: fc.array(fc.constantFrom('sent', 'lost, sent', 'lost, not sent', 'throttled', 'killed'), {
      maxLength: 3,
    }),
    nextAfterMs: fc.constantFrom(1, 5_000, 30_000, 600_000, 1_000_000),
    eventsCome: fc.boolean(),
  }),
  { maxLength: 12 },
);

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);

describe('one id, one send', () => {
  it('holds for each recipient, whatever happens to calls, answers and the function', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), tries, async (count, happenings) => {
        const story = new Story(namesOf(count));
        for (const happening of happenings) await story.try(happening);
        // In the end all is well, and there is time.
        let offered = await story.try({ answers: [], nextAfterMs: 2_000_000, eventsCome: true });
        for (let more = 0; more < 6; more += 1) {
          offered = await story.try({ answers: [], nextAfterMs: 2_000_000, eventsCome: true });
        }

        expect([...story.sent].sort()).toEqual(namesOf(count).sort());
        expect(offered).toMatchObject({ kind: 'attempted', unsent: [], refused: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('waits while a call may be under way, and says until when', async () => {
    const story = new Story(['marie@example.org']);
    await story.try({ answers: ['killed'], nextAfterMs: 1_000, eventsCome: false });

    const offered = await story.try({ answers: [], nextAfterMs: 0, eventsCome: false });

    expect(story.sent).toEqual([]);
    expect(offered).toMatchObject({ unsent: ['marie@example.org'], sent: [] });
    const { claim } = story.ledger.batches[0] ?? {};
    expect(offered).toMatchObject({ retryAt: claim?.endsAt });
  });

  it('waits for the event of a lost answer, and sends again only where none came', async () => {
    const story = new Story(['marie@example.org']);
    const first = await story.try({ answers: ['lost, not sent'], nextAfterMs: 5_000, eventsCome: false });
    expect(first).toMatchObject({ retryAt: new Date(START + WAIT_MS) });
    expect(await story.try({ answers: [], nextAfterMs: WAIT_MS, eventsCome: false })).toMatchObject({
      retryAt: new Date(START + WAIT_MS),
    });
    expect(story.sent).toEqual([]);

    const last = await story.try({ answers: [], nextAfterMs: 0, eventsCome: false });

    expect(last).toMatchObject({ unsent: [], sent: [{ sesMessageId: 'ses-0' }] });
    expect(story.sent).toEqual(['marie@example.org']);
  });

  it('takes the event for the answer that was lost', async () => {
    const story = new Story(['marie@example.org']);
    await story.try({ answers: ['lost, sent'], nextAfterMs: 5_000, eventsCome: true });

    const offered = await story.try({ answers: [], nextAfterMs: 0, eventsCome: true });

    expect(offered).toMatchObject({ unsent: [], sent: [{ sesMessageId: 'ses-0' }] });
    expect(story.sent).toEqual(['marie@example.org']);
  });
});
