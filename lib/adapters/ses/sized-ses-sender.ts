import { SES_V1_MAX_BYTES } from '../../message/limits.ts';
import type { RawMail, RawMailSender, SendAnswer } from '../../ports/raw-mail-sender.ts';

/** The function's own code could not be loaded; nothing was sent. */
const NOT_LOADED: SendAnswer = {
  kind: 'failed',
  verdict: { kind: 'retry', cause: 'client-not-loaded', pace: 'outage', answerLost: false },
  detail: 'the client of SES v2 could not be loaded',
};

/** Takes v1 up to its limit and v2 above it; the v2 client is loaded by the first mail that needs it. */
export class SizedSesSender implements RawMailSender {
  readonly #small: RawMailSender;
  readonly #loadLarge: () => Promise<RawMailSender>;
  #large: Promise<RawMailSender> | undefined;

  constructor(small: RawMailSender, loadLarge: () => Promise<RawMailSender>) {
    this.#small = small;
    this.#loadLarge = loadLarge;
  }

  async send(mail: RawMail): Promise<SendAnswer> {
    if (mail.mime.length <= SES_V1_MAX_BYTES) return this.#small.send(mail);
    this.#large ??= this.#loadLarge();
    try {
      return await (await this.#large).send(mail);
    } catch {
      this.#large = undefined;
      return NOT_LOADED;
    }
  }
}
