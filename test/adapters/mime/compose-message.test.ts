import { describe, expect, it } from '@jest/globals';
import { MailComposer } from '../../../lib/adapters/mime/compose-mail.ts';
import { MAX_COMPOSED_PARTS } from '../../../lib/domain/limits.ts';

const envelope = { from: 'support@keybuzz.io', to: 'marie@example.org' };

async function compose(raw: string): Promise<string> {
  const composed = await new MailComposer('content-only').compose({ raw, envelope });
  if (composed.kind !== 'composed') throw new Error(composed.kind);
  return composed.message.mime.toString();
}

describe('composing a raw message', () => {
  it.each(['', '\n', '\r', '\r\n'])('terminates its last line, whatever it ended with: %j', async (end) => {
    expect(await compose(`Message-ID: <a@b>\nFrom: support@keybuzz.io\n\nHello${end}`)).toBe(
      'Message-ID: <a@b>\r\nFrom: support@keybuzz.io\r\n\r\nHello\r\n',
    );
  });

  it('writes the domains of From in lower case, and changes nothing else', async () => {
    const raw =
      'From: José KeyBuzz <Jose@KeyBuzz.IO>,\n Support@Mail.KeyBuzz.io\nMessage-ID: <A@KeyBuzz.IO>\n\nHello\n';
    const composed = await compose(raw);

    expect(composed).toBe(
      raw
        .replaceAll('\n', '\r\n')
        .replace('Jose@KeyBuzz.IO', 'Jose@keybuzz.io')
        .replace('@Mail.KeyBuzz.io', '@mail.keybuzz.io'),
    );
  });

  it('calls one malformed whose header section not every program would read alike', async () => {
    const composer = new MailComposer('content-only');

    expect(await composer.compose({ raw: 'From\nSubject: x\n\nHello', envelope })).toMatchObject({
      kind: 'malformed',
    });
  });
});

describe('composing a mail in parts', () => {
  it('puts each mailbox into the envelope once, in its first spelling', async () => {
    const composed = await new MailComposer('content-only').compose({
      from: 'support@keybuzz.io',
      to: 'Marie@example.org',
      cc: ['marie@Example.org', 'paul@example.org'],
      bcc: 'PAUL@example.org',
    });

    expect(composed).toMatchObject({ message: { to: ['Marie@example.org', 'paul@example.org'] } });
  });

  it('refuses more parts than are composed in a moment, before it composes them', async () => {
    const composer = new MailComposer('content-only');
    const mailWith = (attachments: number) => ({
      ...envelope,
      text: 'Hello',
      attachments: Array.from({ length: attachments }, () => ({ content: 'x' })),
    });

    expect(await composer.compose(mailWith(MAX_COMPOSED_PARTS - 1))).toMatchObject({ kind: 'composed' });
    expect(await composer.compose(mailWith(MAX_COMPOSED_PARTS))).toEqual({
      kind: 'malformed',
      reason: 'not-composable',
      detail: 'the message has 1001 parts (texts and attachments), at most 1000 can be sent',
    });
  });
});
