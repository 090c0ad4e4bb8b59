import nodemailer, { type SendMailOptions, type Transport, type Transporter } from 'nodemailer';
import { type FrozenResult, freezeMessage } from './freeze-message.ts';

/** What the freezing transport gives back in place of an answer from a server. */
interface FrozenInfo {
  readonly result: FrozenResult;
  readonly envelope: { from: string | false; to: string[] };
  readonly messageId: string;
  [key: string]: unknown;
}

/** Lets nodemailer do all that it does to a mail — lists, priorities, attachments — and sends it nowhere. */
const freezingTransport: Transport<FrozenInfo> = {
  name: 'freeze',
  version: '1',
  send(mail, callback) {
    freezeMessage(mail.message).then(
      (result) =>
        callback(null, { result, envelope: mail.message.getEnvelope(), messageId: mail.message.messageId() }),
      (error: Error) => callback(error),
    );
  },
};

/** Composes a mail given in nodemailer's fields and freezes its bytes. */
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
  async compose(mail: SendMailOptions): Promise<FrozenResult> {
    const { result } = await this.#transporter.sendMail(mail);
    return result;
  }
}
