import type { CompositionMark } from '../../message/composition-mark.ts';
import type { MailContent } from '../../message/envelope.ts';
import { MAX_CONTENT_BYTES } from '../../message/limits.ts';
import type { ComposedContent, ContentComposer } from '../../ports/content-composer.ts';
import { MailComposer } from './compose-mail.ts';
import { toNodemailer } from './mail-fields.ts';

/** Composes what a service without a MIME library sent. Such a mail may name no file and no URL to read. */
export class MailContentComposer implements ContentComposer {
  readonly #composer = new MailComposer('content-only');

  async compose(mail: MailContent, mark: CompositionMark): Promise<ComposedContent> {
    const { type: _type, ...fields } = mail;
    try {
      const frozen = await this.#composer.compose({ ...toNodemailer(fields), ...mark });
      if (frozen.kind === 'frozen') return { kind: 'mime', mime: frozen.message.mime };
      if (frozen.kind === 'malformed') {
        return { kind: 'unreadable', reason: 'malformed-header', detail: frozen.detail };
      }
      const detail = `the composed message has ${frozen.bytes} bytes, at most ${MAX_CONTENT_BYTES} can be sent`;
      return { kind: 'unreadable', reason: 'too-large', detail };
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown';
      return { kind: 'unreadable', reason: 'not-composable', detail: `composing it failed: ${name}` };
    }
  }
}
