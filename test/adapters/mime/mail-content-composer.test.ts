import { describe, expect, it } from '@jest/globals';
import { MailContentComposer } from '../../../lib/adapters/mime/compose-mail.ts';
import { compositionMark } from '../../../lib/domain/delivery.ts';

const MARK = compositionMark('parts', 'support@keybuzz.io', new Date());

describe('the composer of structured mails', () => {
  it.each(['{"path":"/etc/hostname"}', '{"href":"http://127.0.0.1:9/"}'])(
    'reads no resource that a mail references, even without the schema: %s',
    async (html) => {
      const mail = JSON.parse(`{"type":"mail","from":"support@keybuzz.io","html":${html}}`);

      expect(await new MailContentComposer().compose(mail, MARK)).toMatchObject({
        kind: 'unreadable',
        reason: 'not-composable',
        detail: expect.not.stringContaining('ECONNREFUSED'),
      });
    },
  );
});
