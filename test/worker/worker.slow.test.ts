import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredMail } from '../../lib/domain/stored-mail.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mailer } from '../../lib/mailer/mailer.ts';
import type { MailerSettings } from '../../lib/mailer/settings.ts';
import { type CompletedEvent, silentObserver } from '../../lib/ports/outbox.ts';
import { silentLog, systemClock } from '../../lib/ports/runtime.ts';
import { OutboundWorker, type WorkerTuning } from '../../lib/worker/worker.ts';
import { aClaim } from '../support/a-claim.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { MemoryOutbox } from '../support/memory-outbox.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';
import { smtpSettingsFor } from '../support/smtp-settings-for.ts';

describe('the outbound worker', () => {
  let aws: SqsAndS3;
  let double: SmtpDouble;
  let outbox: MemoryOutbox;
  let mailer: Mailer;
  let worker: OutboundWorker;
  let events: CompletedEvent[];

  function start(tuning: Partial<WorkerTuning> = {}, settings: Partial<MailerSettings> = {}): void {
    mailer = createMailer({
      smtp: { ...smtpSettingsFor(double), breakerProbeIntervalMs: 100 },
      fallback: fallbackSettingsFor(aws),
      ...settings,
    });
    worker = new OutboundWorker({
      outbox,
      mailer,
      workerId: 'worker-1',
      tuning: {
        leaseMs: 60_000,
        pollIntervalMs: 50,
        concurrency: 4,
        handOverConcurrency: 50,
        retryMaxMs: 300_000,
        takeOverDelayMs: 0,
        urgentPriority: 1,
        ...tuning,
      },
      observer: { ...silentObserver, completed: (event) => events.push(event) },
      log: silentLog,
      clock: systemClock,
      random: () => 0.5,
    });
    worker.start();
  }

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
  });

  afterAll(async () => {
    await aws.close();
  });

  beforeEach(async () => {
    events = [];
    outbox = new MemoryOutbox();
    double = await startSmtpDouble();
  });

  afterEach(async () => {
    await worker.drain(2_000);
    await mailer.close();
    aws.heal();
    await takeAll(aws, aws.fallback);
    await double.close();
  });

  it('sends present and new mails, and writes that SMTP accepted them', async () => {
    outbox.put(aClaim({ id: 'a' }));
    start();
    await outbox.settled(1);
    outbox.put(aClaim({ id: 'b' }));
    const completion = await outbox.settled(2);

    expect(completion.map(({ id, next }) => [id, next.kind])).toEqual([
      ['a', 'delivered'],
      ['b', 'delivered'],
    ]);
    expect(completion[0]?.attempt).toMatchObject({
      outcome: 'taken',
      worker: 'worker-1',
      messageId: expect.stringMatching(/^<[0-9a-f]{40}@keybuzz\.io>$/),
      smtp: { recipients: ['marie@example.org'], response: expect.stringMatching(/^250/) },
    });
    expect(double.mails).toHaveLength(2);
  });

  it('hands over what SMTP does not accept, and writes why', async () => {
    await double.behave({ kind: 'relay-denied' });
    outbox.put(aClaim({ id: 'a' }));
    start();
    const [settlement] = await outbox.settled(1);

    expect(settlement).toMatchObject({
      next: { kind: 'handed-over' },
      attempt: {
        outcome: 'handed-over',
        failure: { class: 'rejected', enhancedStatus: '5.7.1' },
        queue: { recipients: ['marie@example.org'], queueMessageId: expect.any(String) },
      },
    });
    expect(events).toMatchObject([{ outcome: 'handed-over', failureClass: 'rejected', waitedMs: 3 }]);
  });

  it('composes a mail that is claimed again to the same bytes', async () => {
    const claim = aClaim(
      { id: 'a' },
      { html: '<p>Hello</p>', attachments: [{ content: 'YQ==', filename: 'a.txt' }] },
    );
    outbox.put(claim);
    start();
    await outbox.settled(1);
    outbox.put(claim);
    await outbox.settled(2);

    expect(double.mails[0]?.raw.equals(double.mails[1]?.raw ?? Buffer.of())).toBe(true);
    expect(double.mails[0]?.raw.toString()).toContain('Date: Sun, 22 Nov 2026 09:00:00 +0000');
  });

  it.each([
    [
      'a mail that cannot be parsed',
      aClaim({ mail: { kind: 'unreadable', detail: 'subject: one line of text' } }),
      'invalid: subject',
    ],
    ['no recipient', aClaim({}, { to: [] }), 'no-recipient'],
    ['an expiry in the past', aClaim({ expiresAt: new Date(0) }), 'expired'],
    ['an id that no queue accepts', aClaim({ id: 'a\tb' }), 'invalid: id'],
  ])('permanently fails %s, and says why', async (_name, claim, reason) => {
    outbox.put(claim);
    start();
    const [settlement] = await outbox.settled(1);

    expect(settlement?.next).toEqual({ kind: 'failed', reason: expect.stringContaining(reason) });
    expect(double.connections).toBe(0);
  });

  it('keeps what neither way accepted, backs off, and retries only the rest', async () => {
    const replies = { 'paul@example.org': '450 4.2.0 Later' } as const;
    await double.behave({ kind: 'recipients-refused', replies });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });
    const claim = aClaim({ id: 'a' }, { cc: 'paul@example.org' });
    outbox.put(claim);
    start();
    const [first] = await outbox.settled(1);
    outbox.put({ ...claim, attempts: 5, owed: ['paul@example.org'] });
    const [, second] = await outbox.settled(2);

    expect(first?.next).toMatchObject({ kind: 'queued', owed: ['paul@example.org'], retryAfterMs: 1_500 });
    expect(first?.attempt).toMatchObject({
      outcome: 'not-accepted',
      smtp: { recipients: ['marie@example.org'] },
    });
    expect(second?.next).toMatchObject({ kind: 'queued', owed: ['paul@example.org'], retryAfterMs: 24_000 });
    expect(double.mails.map(({ to }) => to)).toEqual([['marie@example.org']]);
  });

  it('does not hand over recipients again that SES has, and reports them once the others are sent', async () => {
    await double.behave({ kind: 'refused' });
    const claim = aClaim({ id: 'a', inSes: ['marie@example.org'] }, { cc: 'paul@example.org' });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });
    outbox.put(claim);
    start();
    const [first] = await outbox.settled(1);
    aws.heal();
    outbox.put(claim);
    const [, second] = await outbox.settled(2);

    expect(first?.next).toMatchObject({ kind: 'queued', owed: ['paul@example.org'] });
    expect(first?.attempt).not.toHaveProperty('queue');
    expect(second).toMatchObject({
      next: { kind: 'handed-over' },
      attempt: {
        outcome: 'handed-over',
        queue: { recipients: ['paul@example.org', 'marie@example.org'], queueMessageId: expect.any(String) },
      },
    });
    expect((await takeEnvelopes(aws)).map(({ envelope }) => envelope.to)).toEqual([['paul@example.org']]);
  });

  it('never waits longer than configured', async () => {
    await double.behave({ kind: 'refused' });
    aws.fault({ fault: { kind: 'denied' }, on: { service: 'sqs' } });
    outbox.put(aClaim({ attempts: 50 }));
    start({ retryMaxMs: 10_000 });

    const [settlement] = await outbox.settled(1);

    expect(settlement?.next).toMatchObject({ kind: 'queued', retryAfterMs: 7_500 });
  });

  it('hands over as unknown what a crashed worker may have sent, and does not try SMTP', async () => {
    outbox.put(aClaim({ reclaimed: true }));
    start();
    const [settlement] = await outbox.settled(1);

    expect(settlement?.attempt.failure).toMatchObject({ class: 'unknown', code: 'LEASE_ENDED' });
    expect(double.connections).toBe(0);
    expect((await takeEnvelopes(aws)).map(({ failure }) => failure?.class)).toEqual(['unknown']);
  });

  it('holds it if so configured', async () => {
    outbox.put(aClaim({ reclaimed: true }));
    start({}, { onUnknown: 'hold' });
    const [settlement] = await outbox.settled(1);

    expect(settlement?.next.kind).toBe('held');
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('delays only a few mails if the server is down, and no others', async () => {
    await double.behave({ kind: 'blackhole' });
    outbox.put(...Array.from({ length: 150 }, () => aClaim()));
    start();
    const completion = await outbox.settled(150);

    const classes = completion.map(({ attempt }) => attempt.failure?.class);
    expect(completion.every(({ next }) => next.kind === 'handed-over')).toBe(true);
    expect(classes.filter((name) => name === 'unreachable').length).toBeLessThanOrEqual(4);
    expect(classes.filter((name) => name === 'circuit-open').length).toBeGreaterThanOrEqual(146);
    expect(outbox.claimedRoutes).toContain('queue');
  });

  it('goes back to SMTP when the server is back', async () => {
    await double.behave({ kind: 'refused' });
    outbox.put(...Array.from({ length: 5 }, () => aClaim()));
    start();
    await outbox.settled(5);
    await double.behave({ kind: 'healthy' });
    // The successful probe ends at QUIT; the state changes right after it.
    while (mailer.smtpState === 'open')
      await double
        .reached('ehlo', { signal: AbortSignal.timeout(10_000) })
        .then(() => new Promise(setImmediate));
    outbox.put(aClaim({ id: 'back' }));
    const completion = await outbox.settled(6);

    expect(completion.at(-1)).toMatchObject({ id: 'back', next: { kind: 'delivered' } });
  });

  it('continues when the outbox fails: claims again, and loses no outcome', async () => {
    outbox.fail('claim', 2);
    outbox.fail('settle', 3);
    outbox.put(aClaim({ id: 'a' }), aClaim({ id: 'b' }));
    start();
    const completion = await outbox.settled(2);

    expect(completion.map(({ id }) => id).sort()).toEqual(['a', 'b']);
    expect(double.mails).toHaveLength(2);
  });

  it('tells since when claims fail, and claims less and without mails until one succeeds', async () => {
    outbox.fail('claim', 3);
    outbox.put(aClaim({ id: 'a' }));
    start();
    await outbox.failed('claim');
    expect(worker.status.claimsFail).toEqual({ since: expect.any(Date), code: 'EOUTBOX' });
    await outbox.settled(1);

    expect(worker.status.claimsFail).toBeUndefined();
    const [first, ...retries] = outbox.requests.slice(0, 4);
    expect(first).toMatchObject({ limit: 64, maxBytes: expect.any(Number) });
    expect(first?.maxBytes).toBeGreaterThan(0);
    expect(retries.map(({ limit, maxBytes }) => [limit, maxBytes])).toEqual([
      [16, 0],
      [4, 0],
      [1, 0],
    ]);
  });

  it('sends a large mail that is read only when it begins', async () => {
    const mail: StoredMail = {
      kind: 'mail',
      fields: { from: 'support@keybuzz.io', to: 'marie@example.org', text: 'Hello' },
    };
    outbox.put(aClaim({ id: 'a', bytes: 5_000_000, mail: { kind: 'large', read: async () => ({ mail }) } }));
    start();
    const [settlement] = await outbox.settled(1);

    expect(settlement).toMatchObject({ id: 'a', next: { kind: 'delivered' } });
  });

  it('retries a large mail that cannot be read, and in the end fails it', async () => {
    const cannot = Object.assign(new Error('canceling statement'), { code: '57014' });
    const mail = { kind: 'large', read: () => Promise.reject(cannot) } as const;
    outbox.put(aClaim({ id: 'a', mail }), aClaim({ id: 'b', mail, attempts: 5 }), aClaim({ id: 'c' }));
    start();
    const completion = await outbox.settled(3);

    const next = Object.fromEntries(completion.map(({ id, next }) => [id, next]));
    expect(next.a).toMatchObject({ kind: 'queued', reason: 'the mail could not be read: 57014' });
    expect(next.b).toEqual({
      kind: 'failed',
      reason: 'invalid: the mail could not be read in 5 attempts: 57014',
    });
    expect(next.c).toEqual({ kind: 'delivered' });
  });

  it('does not begin a mail whose lease may have ended, and leaves it if another worker has it', async () => {
    outbox.put(...Array.from({ length: 6 }, (_, n) => aClaim({ id: `mail-${n}` })));
    outbox.fail('renew', 1_000);
    start({ leaseMs: 150, concurrency: 1 });
    const begun: string[] = [];
    const inSmtp = Promise.withResolvers<void>();
    const deliver = mailer.deliver.bind(mailer);
    mailer.deliver = async (delivery) => {
      begun.push(delivery.id);
      if (begun.length === 1) await inSmtp.promise;
      return deliver(delivery);
    };
    for (let failed = 0; failed < 4; failed += 1) await outbox.failed('renew');
    inSmtp.resolve();
    await outbox.settled(1);
    await outbox.failed('renew');
    expect(begun).toEqual(['mail-0']);

    outbox.lostLeases = ['mail-4', 'mail-5'];
    outbox.fail('renew', 0);
    await outbox.settled(4);
    expect(begun.toSorted()).toEqual(['mail-0', 'mail-1', 'mail-2', 'mail-3']);
  });

  it('requeues a mail on which the mailer itself throws, and continues', async () => {
    start();
    const deliver = mailer.deliver.bind(mailer);
    mailer.deliver = async (delivery) => {
      if (delivery.id === 'a') throw Object.assign(new Error('no more files'), { code: 'EMFILE' });
      return deliver(delivery);
    };
    outbox.put(aClaim({ id: 'a' }), aClaim({ id: 'b' }));
    const completion = await outbox.settled(2);

    const next = Object.fromEntries(completion.map((completion) => [completion.id, completion.next]));
    expect(next.a).toMatchObject({
      kind: 'queued',
      owed: [],
      reason: 'unexpected: EMFILE',
      retryAfterMs: 1_500,
    });
    expect(next.b).toEqual({ kind: 'delivered' });
  });

  it('renews the leases of its deliveries', async () => {
    await double.behave({ kind: 'break', at: 'final-dot', by: 'stall' });
    outbox.put(aClaim({ id: 'a' }));
    start({ leaseMs: 150 });
    await outbox.renewal();

    expect(outbox.renewed[0]).toEqual(['a']);
    await outbox.settled(1);
  });

  it('releases at a drain what it has not begun, and finishes the rest', async () => {
    await double.behave({ kind: 'slow', bytesPerSecond: 2_000 });
    outbox.put(...Array.from({ length: 8 }, (_, index) => aClaim({ id: `mail-${index}` })));
    start({ concurrency: 2 });
    await double.reached('data');

    const left = await worker.drain(10_000);

    expect(left).toBe(0);
    expect(outbox.completion.map(({ next }) => next.kind)).toEqual(['delivered', 'delivered']);
    expect([...outbox.released].sort()).toEqual(['mail-2', 'mail-3', 'mail-4', 'mail-5', 'mail-6', 'mail-7']);
    expect(worker.status).toMatchObject({ draining: true, leased: 0 });
  });

  it('ends a drain in time although the outbox does not respond', async () => {
    outbox.claim = () => new Promise(() => {});
    start();

    expect(await worker.drain(50)).toBe(0);
  });

  it('returns from a drain the number of unfinished deliveries', async () => {
    await double.behave({ kind: 'break', at: 'final-dot', by: 'stall' });
    outbox.put(aClaim());
    start();
    await double.reached('final-dot');

    expect(await worker.drain(10)).toBe(1);
  });
});
