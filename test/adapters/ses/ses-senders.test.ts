import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SesV1Sender } from '../../../lib/adapters/ses/ses-v1-sender.ts';
import { SesV2Sender } from '../../../lib/adapters/ses/ses-v2-sender.ts';
import { SizedSesSender } from '../../../lib/adapters/ses/sized-ses-sender.ts';
import { SES_V1_MAX_BYTES } from '../../../lib/domain/limits.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import type { RawMail, RawMailSender } from '../../../lib/ports/senders.ts';
import { aDelivery } from '../../support/a-delivery.ts';

const TIMEOUT_MS = 500;

function rawMail(overrides: Partial<RawMail> = {}): RawMail {
  const { mime } = aDelivery();
  return {
    from: 'support@keybuzz.io',
    recipients: ['marie@example.org', 'paul@example.org'],
    mime,
    deliveryId: 'reply 1',
    part: 3,
    tags: { kind: 'reply' },
    ...overrides,
  };
}

describe.each([
  ['v1', SesV1Sender],
  ['v2', SesV2Sender],
] as const)('the sender by SES %s', (api, Sender) => {
  let ses: SesDouble;
  let sender: RawMailSender;

  beforeEach(async () => {
    ses = await startSesDouble({ identities: ['keybuzz.io'], configurationSets: ['keybuzz-mail'] });
    sender = new Sender('keybuzz-mail', TIMEOUT_MS, {
      region: 'eu-west-1',
      endpoint: ses.url,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
  });

  afterEach(async () => {
    await ses.close();
  });

  it('passes to SES the bytes, the pending recipients, the configuration set and the tags', async () => {
    const mail = rawMail();

    const result = await sender.send(mail);

    const [accepted] = ses.mails;
    expect(result).toEqual({ kind: 'sent', sesMessageId: accepted?.sesMessageId });
    expect(accepted).toMatchObject({
      api,
      source: 'support@keybuzz.io',
      recipients: ['marie@example.org', 'paul@example.org'],
      configurationSet: 'keybuzz-mail',
      tags: { kind: 'reply', deliveryId: 'b64_cmVwbHkgMQ', part: '3' },
    });
    expect(accepted?.raw.equals(mail.mime)).toBe(true);
  });

  it('passes to SES the time of the failure, and no reserved tag of the caller', async () => {
    const failedAt = new Date('2026-11-22T12:00:00.000Z');
    const tags = { kind: 'reply', failedAt: '1', deliveryId: 'another', part: '9' };

    await sender.send(rawMail({ failedAt, tags }));
    await sender.send(rawMail({ tags }));

    const ours = { kind: 'reply', deliveryId: 'b64_cmVwbHkgMQ', part: '3' };
    expect(ses.mails.map((mail) => mail.tags)).toEqual([
      { ...ours, failedAt: String(failedAt.getTime()) },
      ours,
    ]);
  });

  it.each([
    ['a reset before SES accepted it', { kind: 'reset', accepted: false }, 'answer-lost', true],
    ['a reset after SES accepted it', { kind: 'reset', accepted: true }, 'answer-lost', true],
    ['no response in time', { kind: 'silence', accepted: true }, 'answer-lost', true],
    ['an unreadable response', { kind: 'garbage', accepted: true }, 'answer-lost', true],
    ['an empty response', { kind: 'garbage', accepted: true, body: '' }, 'answer-lost', true],
    ['a broken service', { kind: 'server-error', status: 500 }, 'ses-unavailable', true],
    ['an unavailable service', { kind: 'server-error', status: 503 }, 'ses-unavailable', false],
    ['throttling', { kind: 'throttling' }, 'sending-rate', false],
  ] as const)('classifies %s, and calls only once', async (_name, effect, cause, answerLost) => {
    ses.fault({ effect });

    const result = await sender.send(rawMail());

    expect(result).toMatchObject({ kind: 'failed', verdict: { kind: 'retry', cause, answerLost } });
    expect(ses.calls).toHaveLength(1);
  });

  it('classifies what the account is not allowed to do', async () => {
    ses.account.sendingEnabled = false;
    const paused = await sender.send(rawMail());
    ses.account.sendingEnabled = true;
    ses.account.identities.clear();
    const unverified = await sender.send(rawMail());
    ses.account.identities.add('keybuzz.io');
    ses.account.configurationSets.clear();
    const unconfigured = await sender.send(rawMail());

    expect(paused).toMatchObject({ verdict: { cause: 'sending-paused' } });
    expect(unverified).toMatchObject({ verdict: { cause: 'identity-not-verified' } });
    expect(unconfigured).toMatchObject({ verdict: { cause: 'configuration-set-missing' } });
  });

  it('masks the addresses that SES quotes', async () => {
    ses.account.identities.clear();

    const result = await sender.send(rawMail());

    expect(result).toMatchObject({ detail: expect.stringContaining('s***@keybuzz.io') });
    expect(JSON.stringify(result)).not.toContain('support@');
  });
});

describe('the choice of the API', () => {
  it('loads v2 for the first mail above the limit of v1, and not before', async () => {
    const called: string[] = [];
    const sender = (name: string) => ({
      send: async () => {
        called.push(name);
        return { kind: 'sent' as const, sesMessageId: name };
      },
      close: () => {},
    });
    let loads = 0;
    const sized = new SizedSesSender(sender('v1'), async () => {
      loads += 1;
      return sender('v2');
    });

    await sized.send(rawMail({ mime: Buffer.alloc(SES_V1_MAX_BYTES) }));
    expect(loads).toBe(0);
    await sized.send(rawMail({ mime: Buffer.alloc(SES_V1_MAX_BYTES + 1) }));
    await sized.send(rawMail({ mime: Buffer.alloc(SES_V1_MAX_BYTES + 1) }));

    expect(called).toEqual(['v1', 'v2', 'v2']);
    expect(loads).toBe(1);
  });
});
