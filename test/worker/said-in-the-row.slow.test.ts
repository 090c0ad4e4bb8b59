import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentObserver } from '../../lib/ports/outbox.ts';
import { silentLog, systemClock } from '../../lib/ports/runtime.ts';
import { attempt } from '../../lib/worker/attempt.ts';
import { DEFAULT_TUNING } from '../../lib/worker/create-worker.ts';
import { toCompletion } from '../../lib/worker/process-claim.ts';
import type { OutboxRow } from '../support/outbox-database.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { type RowBench, startRowBench } from '../support/row-bench.ts';

const MAIL = { from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Your order', text: 'It left.' };

describe('what a row says after an attempt', () => {
  let bench: RowBench;
  beforeAll(async () => {
    bench = await startRowBench();
  });
  afterAll(() => bench.close());

  /** Claims the row, sends its mail, and completes it as the worker does. */
  async function settled(row: OutboxRow) {
    const [id = ''] = await bench.database.insert(row);
    const outbox = bench.database.outbox();
    const [claim] = await outbox.claim({ limit: 1, leaseMs: 60_000, route: 'smtp' });
    if (claim === undefined) throw new Error('nothing was claimed');
    const clock = systemClock;
    const deps = {
      mailer: bench.mailer,
      tuning: DEFAULT_TUNING,
      observer: silentObserver,
      log: silentLog,
      clock,
    };
    const result = await attempt(claim, 'smtp', deps);
    if (result.kind !== 'tried') throw new Error('the mail was not read');
    const facts = { at: clock.now(), durationMs: 1, worker: 'w', retryAfterMs: 3_600_000 };
    await outbox.complete([toCompletion(claim, result, facts)]);
    return bench.database.row(id);
  }

  it('names the recipients that can never be sent to, masked, although the others have the mail', async () => {
    const row = await settled({ mail: { ...MAIL, cc: ['root.secret@localhost', 'clara@example.org'] } });

    expect(row).toMatchObject({
      status: 'delivered',
      last_error:
        'not sent to r***@localhost: its domain is no name with a top-level domain, such as example.org',
    });
    expect(row.delivery_trace).toMatchObject({
      attempts: [
        {
          outcome: 'taken',
          smtp: { recipients: ['marie@example.org', 'clara@example.org'] },
          refused: [{ address: 'root.secret@localhost', detail: expect.any(String) }],
        },
      ],
    });
  });

  it('sends to the others if an item of a list is no address', async () => {
    const row = await settled({ mail: { ...MAIL, cc: ['paul.secret at example.org', 'clara@example.org'] } });

    expect(row).toMatchObject({
      status: 'delivered',
      last_error: 'not sent to ***: an address, with or without a name, on one line',
    });
    expect(bench.smtp.mails.at(-1)?.to).toEqual(['marie@example.org', 'clara@example.org']);
  });

  it('does not say of an expired mail that it was not sent if a worker died with it in hand', async () => {
    const anHourAgo = new Date(Date.now() - 3_600_000);
    const row = await settled({
      mail: MAIL,
      status: 'sending',
      lease_owner: 'gone/1',
      lease_route: 'smtp',
      lease_until: anHourAgo,
      expires_at: anHourAgo,
    });

    expect(row).toMatchObject({
      status: 'failed',
      last_error: expect.stringMatching(
        /^expired: it expired at .*; SMTP may have it from a worker that is gone$/,
      ),
    });
  });

  it('says nothing if all have it', async () => {
    expect(await settled({ mail: MAIL })).toMatchObject({ status: 'delivered', last_error: null });
  });

  it.each([
    { priority: -5, urgent: false },
    { priority: 0, urgent: false },
    { priority: DEFAULT_TUNING.urgentPriority, urgent: true },
    { priority: 10, urgent: true },
  ])('is handed over as urgent from a priority on: $priority', async ({ priority, urgent }) => {
    await bench.smtp.behave({ kind: 'relay-denied' });
    try {
      expect(await settled({ mail: MAIL, priority })).toMatchObject({ status: 'sending' });
    } finally {
      await bench.smtp.behave();
    }

    const [message] = await takeEnvelopes(bench.aws);
    expect(message?.priority).toBe(urgent ? 'urgent' : undefined);
  });

  it('fails if none can be sent to, and says which', async () => {
    const row = await settled({ mail: { ...MAIL, to: ['root.secret@localhost', 'paul@exa..mple'] } });

    expect(row).toMatchObject({
      status: 'failed',
      last_error: expect.stringMatching(/to\.0 \(r\*\*\*@localhost\): .*; to\.1 \(p\*\*\*@exa\.\.mple\)/),
    });
  });

  it('has the words of the server while neither route takes the mail', async () => {
    await bench.smtp.behave({
      kind: 'recipients-refused',
      replies: { 'marie@example.org': '554 5.7.1 <marie@example.org>: Relay access denied' },
    });
    bench.aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessage' } });

    const row = await settled({ mail: MAIL });

    expect(row.status).toBe('queued');
    expect(row.last_error).toContain('SMTP: rejected: 554 5.7.1 <m***@example.org>: Relay access denied');
    expect(row.last_error).toContain('; fallback: queue-misconfigured: ');
  });
});
