import type { SendMailOptions, Transport, Transporter } from 'nodemailer';
import nodemailer from 'nodemailer';
import type { CompositionMark } from '../../domain/delivery.ts';
import type { MailContent } from '../../domain/fallback-message.ts';
import { MAX_CONTENT_BYTES } from '../../domain/limits.ts';
import type { ComposedContent, ContentComposer } from '../../ports/senders.ts';
import { composeMessage, type MimeResult } from './compose-message.ts';

/** What the freezing transport gives back in place of an answer from a server. */
interface FrozenInfo {
  readonly result: MimeResult;
  readonly envelope: { from: string | false; to: string[] };
  readonly messageId: string;
  [key: string]: unknown;
}

/** Lets nodemailer do all that it does to a mail — lists, priorities, attachments — and sends it nowhere. */
const freezingTransport: Transport<FrozenInfo> = {
  name: 'compose',
  version: '1',
  send(mail, callback) {
    composeMessage(mail.message).then(
      (result) =>
        callback(null, { result, envelope: mail.message.getEnvelope(), messageId: mail.message.messageId() }),
      (error: Error) => callback(error),
    );
  },
};

/** Composes a mail given in nodemailer's fields and composes its bytes. */
export class MailComposer {
  readonly #transporter: Transporter<FrozenInfo>;

  /** @param access `content-only` keeps a mail from naming files or URLs to read; for mail that strangers wrote */
  constructor(access: 'files-and-urls' | 'content-only') {
    const closed = access === 'content-only';
    this.#transporter = nodemailer.createTransport<FrozenInfo>(freezingTransport, {
      disableFileAccess: closed,
      disableUrlAccess: closed,
    });
  }

  /** @throws where an attachment cannot be read, or the mail is not of nodemailer's form */
  async compose(mail: SendMailOptions): Promise<MimeResult> {
    const { result } = await this.#transporter.sendMail(mail);
    return result;
  }
}

/** Composes what a service without a MIME library sent. Such a mail may name no file and no URL to read. */
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

/** The fields of a mail in parts as nodemailer takes them. They name no file and no URL to read. */
export function toNodemailer({ attachments, ...fields }: Omit<MailContent, 'type'>): SendMailOptions {
  return {
    ...fields,
    attachments: attachments?.map(({ content, ...description }) => ({
      ...description,
      content: Buffer.from(content, 'base64'),
    })),
  };
}
