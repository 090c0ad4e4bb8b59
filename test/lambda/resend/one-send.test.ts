import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sendToRecipients } from '../../../lambda/resend/send-to-recipients.ts';
import type { RawMailSender, SesErrorClass } from '../../../lib/ports/senders.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { MemoryLedger } from '../../support/memory-ledger.ts';
import { anOffer, offerParts } from '../../support/offer-parts.ts';

const START = Date.parse('2026-11-22T12:00:00Z');
const WAIT_MS = 900_000;

/** One attempt: the results of its SES calls, and the time until the next attempt. */
interface Attempt {
  readonly results: readonly ('sent' | 'lost, sent' | 'lost, not sent' | 'throttled' | 'killed')[];
  readonly nextAfterMs: number;
  /** Whether the events of what was sent arrive before the next attempt. */
  readonly eventsCome: boolean;
}

class Killed extends Error {}

const verdict = (answerLost: boolean): SesErrorClass => ({
  kind: 'retry',
  cause: 'test',
  pace: 'outage',
  answerLost,
});

/** The same message, attempted repeatedly against one ledger; SES returns the scripted results. */
class History {
  readonly ledger = new MemoryLedger();
  readonly sent: string[] = [];
  readonly #envelope = anEnvelope({ id: 'one' });
  readonly #offer;
  #now = START;
  #events: { readonly part: number; readonly dueAt: number }[] = [];

  constructor(recipients: readonly string[]) {
    this.#offer = anOffer(recipients, { message: this.#envelope });
  }

  async attempt({ results, nextAfterMs, eventsCome }: Attempt) {
    const left = [...results];
    const ses: RawMailSender = {
      send: async ({ recipients, part }) => {
        const result = left.shift() ?? 'sent';
        if (result === 'killed') throw new Killed();
        const sent = result === 'sent' || result === 'lost, sent';
        if (sent) {
          this.sent.push(...recipients);
          this.#events.push({ part, dueAt: this.#now + 1_000 });
        }
        if (result === 'sent') return { kind: 'sent', sesMessageId: `ses-${part}` };
        return { kind: 'failed', verdict: verdict(result.startsWith('lost')), detail: '' };
      },
    };
    const clock = { now: () => new Date(this.#now) };
    const deps = offerParts({ ses, ledger: this.ledger, clock });
    const offered = await sendToRecipients(this.#offer, deps).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    this.#now += nextAfterMs;
    // An event arrives within the wait, or with the first attempt after it.
    this.#events = this.#events.filter(({ part, dueAt }) => {
      const isHere = eventsCome || this.#now >= dueAt + WAIT_MS / 2;
      if (isHere) this.ledger.markSent('one', part, `ses-${part}`, new Date(dueAt));
      return !isHere;
    });
    return offered;
  }
}

const attempts = fc.array(
  fc.record<Attempt>({
    results: fc.array(fc.constantFrom('sent', 'lost, sent', 'lost, not sent', 'throttled', 'killed'), {
      maxLength: 3,
    }),
    nextAfterMs: fc.constantFrom(1, 5_000, 30_000, 600_000, 1_000_000),
    eventsCome: fc.boolean(),
  }),
  { maxLength: 12 },
);

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `buyer-${index}@example.org`);

describe('one id, one send', () => {
  it('holds for each recipient, for any failures of calls, responses and the function', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 120 }), attempts, async (count, script) => {
        const history = new History(namesOf(count));
        for (const step of script) await history.attempt(step);
        // In the end all calls succeed, and there is enough time.
        let offered = await history.attempt({ results: [], nextAfterMs: 2_000_000, eventsCome: true });
        for (let more = 0; more < 6; more += 1) {
          offered = await history.attempt({ results: [], nextAfterMs: 2_000_000, eventsCome: true });
        }

        expect([...history.sent].sort()).toEqual(namesOf(count).sort());
        expect(offered).toMatchObject({ kind: 'attempted', unsent: [], refused: [] });
      }),
      { numRuns: 500 },
    );
  });

  it('waits while a call may be in progress, and says until when', async () => {
    const history = new History(['marie@example.org']);
    await history.attempt({ results: ['killed'], nextAfterMs: 1_000, eventsCome: false });

    const offered = await history.attempt({ results: [], nextAfterMs: 0, eventsCome: false });

    expect(history.sent).toEqual([]);
    expect(offered).toMatchObject({ unsent: ['marie@example.org'], sent: [] });
    const { claim } = history.ledger.batches[0] ?? {};
    expect(offered).toMatchObject({ retryAt: claim?.endsAt });
  });

  it('waits for the event of an unknown result, and sends again only if none arrived', async () => {
    const history = new History(['marie@example.org']);
    const first = await history.attempt({
      results: ['lost, not sent'],
      nextAfterMs: 5_000,
      eventsCome: false,
    });
    expect(first).toMatchObject({ retryAt: new Date(START + WAIT_MS) });
    expect(await history.attempt({ results: [], nextAfterMs: WAIT_MS, eventsCome: false })).toMatchObject({
      retryAt: new Date(START + WAIT_MS),
    });
    expect(history.sent).toEqual([]);

    const last = await history.attempt({ results: [], nextAfterMs: 0, eventsCome: false });

    expect(last).toMatchObject({ unsent: [], sent: [{ sesMessageId: 'ses-0' }] });
    expect(history.sent).toEqual(['marie@example.org']);
  });

  it('resolves an unknown result by the event', async () => {
    const history = new History(['marie@example.org']);
    await history.attempt({ results: ['lost, sent'], nextAfterMs: 5_000, eventsCome: true });

    const offered = await history.attempt({ results: [], nextAfterMs: 0, eventsCome: true });

    expect(offered).toMatchObject({ unsent: [], sent: [{ sesMessageId: 'ses-0' }] });
    expect(history.sent).toEqual(['marie@example.org']);
  });
});
