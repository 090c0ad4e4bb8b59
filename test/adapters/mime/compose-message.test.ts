import { describe, expect, it } from '@jest/globals';
import { MailComposer } from '../../../lib/adapters/mime/compose-mail.ts';

const envelope = { from: 'support@keybuzz.io', to: 'marie@example.org' };

async function compose(raw: string): Promise<string> {
  const composed = await new MailComposer('content-only').compose({ raw, envelope });
  if (composed.kind !== 'composed') throw new Error(composed.kind);
  return composed.message.mime.toString();
}

describe('composing a raw message', () => {
  it.each(['', '\n', '\r', '\r\n'])('terminates its last line, whatever it ended with: %j', async (end) => {
    expect(await compose(`Message-ID: <a@b>\nSubject: x\n\nHello${end}`)).toBe(
      'Message-ID: <a@b>\r\nSubject: x\r\n\r\nHello\r\n',
    );
  });

  it('reports a message as malformed if programs could parse its header section differently', async () => {
    const composer = new MailComposer('content-only');

    expect(await composer.compose({ raw: 'From\nSubject: x\n\nHello', envelope })).toMatchObject({
      kind: 'malformed',
    });
  });
});
