import type { SendMailOptions, Transport, Transporter } from 'nodemailer';
import nodemailer from 'nodemailer';
import Composer from 'nodemailer/lib/mail-composer';
import type { CompositionMark, RefusedAddress } from '../../domain/delivery.ts';
import type { MailContent } from '../../domain/fallback-message.ts';
import { MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import type { ComposedContent, ContentComposer } from '../../ports/senders.ts';
import { composeMessage, finishPlainMessage, type MimeResult } from './compose-message.ts';
import { envelopeOf, parsePlainMail, toFields, writePlainMail } from './plain-mail.ts';
import { isPlainMail } from './write-at-once.ts';

/** nodemailer asks a transport for an envelope, and would parse the addresses for it once more. */
const NOT_SENT: { from: false; to: string[] } = { from: false, to: [] };

/** What the composing transport returns instead of a server response. */
interface ComposedInfo {
  readonly result: MimeResult;
  readonly envelope: { from: false; to: string[] };
  readonly messageId: string;
  [key: string]: unknown;
}

/** Lets nodemailer do all its processing of a mail — lists, priorities, attachments — without sending it. */
const composingTransport: Transport<ComposedInfo> = {
  name: 'compose',
  version: '1',
  send(mail, callback) {
    composeMessage(mail.message, { isPlain: isPlainMail(mail.data) }).then(
      (result) => callback(null, { result, envelope: NOT_SENT, messageId: '' }),
      (error: Error) => callback(error),
    );
  },
};

/** Composes the bytes of a mail given in nodemailer's fields. */
export class MailComposer {
  readonly #transporter: Transporter<ComposedInfo>;
  readonly #access: { readonly disableFileAccess: boolean; readonly disableUrlAccess: boolean };

  /** @param access `content-only` prevents a mail from referencing files or URLs; for untrusted mail */
  constructor(access: 'files-and-urls' | 'content-only') {
    const closed = access === 'content-only';
    this.#access = { disableFileAccess: closed, disableUrlAccess: closed };
    this.#transporter = nodemailer.createTransport<ComposedInfo>(composingTransport, this.#access);
  }

  /** @throws if an attachment cannot be read, or the mail is not in nodemailer's format */
  async compose(mail: SendMailOptions): Promise<MimeResult> {
    const parsed = parsePlainMail(mail);
    if (parsed !== undefined) {
      const envelope = envelopeOf(parsed);
      const written = writePlainMail(parsed);
      if (written !== undefined) return finishPlainMessage(written.mime, { ...written, envelope });
      const node = new Composer({ ...toFields(parsed), ...this.#access }).compile();
      return composeMessage(node, { isPlain: true, envelope });
    }
    const { result } = await this.#transporter.sendMail(mail);
    return result;
  }
}

/**
 * What stands in place of a recipient and is no address. nodemailer leaves it out of the envelope without a word; if the
 * caller gives the envelope, the headers are only shown.
 */
export function findNonAddresses({ envelope, raw, to, cc, bcc }: SendMailOptions): RefusedAddress[] {
  if (envelope !== undefined || raw !== undefined) return [];
  return [to, cc, bcc].flat().flatMap((one) =>
    // A group, such as `undisclosed-recipients:;`, may have no members.
    typeof one === 'string' && one.trim() !== '' && !/[@;]/.test(one)
      ? [{ address: one, detail: 'it is no address' }]
      : [],
  );
}

/** Composes a mail from a service without a MIME library. Such a mail may not reference files or URLs. */
export class MailContentComposer implements ContentComposer {
  readonly #composer = new MailComposer('content-only');

  async compose(mail: MailContent, mark: CompositionMark): Promise<ComposedContent> {
    const { type: _type, ...fields } = mail;
    try {
      const composed = await this.#composer.compose({ ...toNodemailer(fields), ...mark });
      if (composed.kind === 'composed') return { kind: 'mime', mime: composed.message.mime };
      if (composed.kind === 'malformed') {
        return { kind: 'unreadable', reason: composed.reason, detail: composed.detail };
      }
      const detail = `the composed message has ${composed.bytes} bytes, at most ${MAX_CONTENT_BYTES} can be sent`;
      return { kind: 'unreadable', reason: 'too-large', detail };
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown';
      return { kind: 'unreadable', reason: 'not-composable', detail: `composing it failed: ${name}` };
    }
  }
}

/** Converts a mail in parts to nodemailer's fields. They reference no files or URLs. */
export function toNodemailer({
  attachments,
  empty: _empty,
  ...fields
}: Omit<MailContent, 'type'>): SendMailOptions {
  return {
    ...fields,
    attachments: attachments?.map(({ content, ...description }) => ({
      ...description,
      content: Buffer.from(content, 'base64'),
    })),
  };
}
