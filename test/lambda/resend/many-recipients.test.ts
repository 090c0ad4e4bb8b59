import { describe, expect, it } from '@jest/globals';
import type { FallbackMessage } from '../../../lib/domain/fallback-message.ts';
import type { DeadLetters, FallbackQueue } from '../../../lib/ports/queues.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { takeAll, takeEnvelopes } from '../../support/queue-contents.ts';
import { recipients, useResendBench } from './resend-bench.ts';

describe('a mail with many recipients', () => {
  const bench = useResendBench();

  const noDeadLetters: DeadLetters = {
    park: async () => {
      throw new Error('the dead-letter queue is down');
    },
  };

  it.each([
    ['needs SMTPUTF8', ['marie@example.org', 'jörg@example.org']],
    ['SES would never accept', ['marie@example.org', 'paul@localhost']],
  ])('sends once to the others if one that %s cannot be dead-lettered now', async (_name, to) => {
    const envelope = anEnvelope({ envelope: { from: 'support@keybuzz.io', to } });
    const pushed: { to: readonly string[]; delaySeconds: number | undefined }[] = [];
    const queue: FallbackQueue = {
      push: async (narrower, options) => {
        pushed.push({ to: narrower.envelope.to, delaySeconds: options?.delaySeconds });
        return 'queued';
      },
    };

    const response = await bench.resend([aRecordOf(envelope)], { queue, deadLetters: noDeadLetters });

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails.flatMap((mail) => mail.recipients)).toEqual(['marie@example.org']);
    expect(pushed).toEqual([{ to: to.slice(1), delaySeconds: 4 }]);
  });

  it('sends one copy to a mailbox in two spellings of case, also if they come in two messages', async () => {
    const envelopeTo = (...to: string[]) =>
      aRecordOf(anEnvelope({ id: 'two-spellings', envelope: { from: 'support@keybuzz.io', to } }));

    await bench.resend([envelopeTo('Marie@example.org', 'paul@example.org', 'marie@Example.ORG')]);
    await bench.resend([envelopeTo('MARIE@example.org')]);

    expect(bench.ses.mails.map((mail) => mail.recipients)).toEqual([
      ['Marie@example.org', 'paul@example.org'],
    ]);
    expect(await bench.parked()).toEqual([]);
  });

  it('dead-letters only the bad recipient out of fifty', async () => {
    const to = [...recipients(49), 'paul@localhost'];

    const response = await bench.resend([
      aRecordOf(anEnvelope({ id: 'many', envelope: { from: 'support@keybuzz.io', to } })),
    ]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails.flatMap((mail) => mail.recipients).sort()).toEqual(recipients(49).sort());
    const deadLetters = await bench.parked();
    expect(deadLetters).toMatchObject([{ cause: 'invalid-for-ses', deliveryId: 'many' }]);
    expect(JSON.parse(deadLetters[0]?.body ?? '').envelope.to).toEqual(['paul@localhost']);
  });

  it('dead-letters only the bad recipients of a structured mail', async () => {
    const to = ['marie@example.org', 'paul@localhost', 'jörg@example.org'];
    const content = { type: 'mail', from: 'KeyBuzz: Support <support@keybuzz.io>', to, text: 'Hi' } as const;

    await bench.resend([
      aRecordOf(anEnvelope({ content: { ...content, to }, envelope: { from: 'support@keybuzz.io', to } })),
    ]);

    expect(bench.ses.mails.map((mail) => mail.recipients)).toEqual([['marie@example.org']]);
    const dead = (await bench.parked()).flatMap(({ body }) => JSON.parse(body).envelope.to);
    expect(dead.sort()).toEqual(to.slice(1).sort());
  });

  it('sends to the others if one is no address, and dead-letters that one alone', async () => {
    const to = ['marie@example.org', 'paul at example.org', 'clara@example.org'];
    const record = aRecordOf(anEnvelope({ id: 'split', envelope: { from: 'support@keybuzz.io', to } }));

    await bench.resend([record]);
    const [requeued] = await takeAll(bench.aws, bench.aws.fallback);
    await bench.resend([{ ...record, body: requeued?.Body ?? '' }]);

    expect(bench.ses.mails.flatMap((mail) => mail.recipients)).toEqual([to[0], to[2]]);
    const deadLetters = await bench.parked();
    expect(deadLetters).toMatchObject([
      {
        cause: 'wrong-schema',
        deliveryId: 'split',
        detail: 'envelope.to.1 (19 characters): a bare address such as marie@example.org',
      },
    ]);
    expect(JSON.parse(deadLetters[0]?.body ?? '').envelope.to).toEqual([to[1]]);
    expect((await bench.told()).map(({ kind, recipients: sent }) => [kind, sent.length])).toEqual([
      ['sent', 2],
    ]);
    expect(requeued?.MessageAttributes).toHaveProperty('remainder');
  });

  it('loses no recipient that needs SMTPUTF8 if the others have to wait', async () => {
    bench.ses.fault({ effect: { kind: 'throttling' }, when: () => bench.ses.mails.length === 1 });
    const to = [...recipients(60), 'jörg@example.org'];
    const kept: string[] = [];
    const queue: FallbackQueue = {
      push: async ({ envelope }) => {
        kept.push(...envelope.to);
        return 'queued';
      },
    };

    await bench.resend([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))], { queue });

    const deadLetters = await bench.parked();
    const dead = deadLetters.flatMap(({ body }) => JSON.parse(body).envelope.to);
    expect([...bench.ses.mails.flatMap((mail) => mail.recipients), ...kept, ...dead].sort()).toEqual(
      [...to].sort(),
    );
  });

  it('delays the rest by no more than the SQS maximum', async () => {
    bench.ses.fault({
      effect: {
        kind: 'error',
        code: 'MessageRejected',
        message: 'Email address is not verified.',
        status: 400,
      },
      when: () => bench.ses.mails.length === 1,
    });
    const delays: (number | undefined)[] = [];
    const queue: FallbackQueue = {
      push: async (_envelope, options) => {
        delays.push(options?.delaySeconds);
        return 'queued';
      },
    };
    const envelope = anEnvelope({ envelope: { from: 'support@keybuzz.io', to: recipients(60) } });

    await bench.resend([aRecordOf(envelope, { ApproximateReceiveCount: '10' })], { queue });

    expect(delays).toEqual([900]);
  });

  it('sends to more than fifty in several calls, each recipient once', async () => {
    const to = recipients(120);

    await bench.resend([
      aRecordOf(
        anEnvelope({
          envelope: { from: 'support@keybuzz.io', to: [...to, 'BUYER-0@EXAMPLE.ORG'.toLowerCase()] },
        }),
      ),
    ]);

    expect(bench.ses.mails.map((mail) => mail.recipients.length)).toEqual([50, 50, 20]);
    expect(bench.ses.mails.flatMap((mail) => mail.recipients)).toEqual(to);
  });

  it('requeues only the rest if a later call fails', async () => {
    const to = recipients(120);
    bench.ses.fault({ effect: { kind: 'throttling' }, when: () => bench.ses.mails.length === 1 });
    const sentBefore = bench.aws.callsOf({ action: 'SendMessage' });

    const response = await bench.resend([
      aRecordOf(anEnvelope({ id: 'many-throttled', envelope: { from: 'support@keybuzz.io', to } })),
    ]);

    expect(response.batchItemFailures).toEqual([]);
    expect(bench.ses.mails.flatMap((mail) => mail.recipients)).toEqual(to.slice(0, 50));
    expect(bench.logged.join()).toMatch(
      /"event":"recipients-requeued","deliveryId":"many-throttled","recipients":70/,
    );
    expect(bench.aws.callsOf({ action: 'SendMessage' })).toBe(sentBefore + 1);
  });

  it('requeues the rest when the time of the invocation is over', async () => {
    const to = recipients(120);

    await bench.resend([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))], {
      hasTime: () => bench.ses.mails.length < 2,
    });

    expect(bench.ses.mails.flatMap((mail) => mail.recipients)).toEqual(to.slice(0, 100));
    expect((await takeEnvelopes(bench.aws)).map(({ envelope }) => envelope.to)).toEqual([to.slice(100)]);
  });

  it('dead-letters only the recipients that need SMTPUTF8, and converts other domains to ASCII', async () => {
    const to = ['jörg@example.org', 'info@bücher.example'];

    await bench.resend([aRecordOf(anEnvelope({ envelope: { from: 'support@keybuzz.io', to } }))]);

    expect(bench.ses.mails.map((mail) => mail.recipients)).toEqual([['info@xn--bcher-kva.example']]);
    const deadLetters = await bench.parked();
    expect(deadLetters).toMatchObject([{ cause: 'needs-smtputf8' }]);
    const left: FallbackMessage = JSON.parse(deadLetters[0]?.body ?? '');
    expect(left.envelope.to).toEqual(['jörg@example.org']);
  });
});
