import { SES_V1_MAX_BYTES } from '../../domain/limits.ts';
import type { RawMail, RawMailSender, SendResponse } from '../../ports/senders.ts';

/** The function's own code could not be loaded; nothing was sent. */
const NOT_LOADED: SendResponse = {
  kind: 'failed',
  verdict: { kind: 'retry', cause: 'client-not-loaded', pace: 'outage', answerLost: false },
  detail: 'the client of SES v2 could not be loaded',
};

/** A sender with its own connections. */
export interface ClosableSender extends RawMailSender {
  close(): void;
}

/** Uses v1 up to its limit and v2 above it; the first mail that needs the v2 client loads it. */
export class SizedSesSender implements ClosableSender {
  readonly #small: ClosableSender;
  readonly #loadLarge: () => Promise<ClosableSender>;
  #large: Promise<ClosableSender> | undefined;

  constructor(small: ClosableSender, loadLarge: () => Promise<ClosableSender>) {
    this.#small = small;
    this.#loadLarge = loadLarge;
  }

  async send(mail: RawMail): Promise<SendResponse> {
    if (mail.mime.length <= SES_V1_MAX_BYTES) return this.#small.send(mail);
    this.#large ??= this.#loadLarge();
    try {
      return await (await this.#large).send(mail);
    } catch {
      this.#large = undefined;
      return NOT_LOADED;
    }
  }

  close(): void {
    this.#small.close();
    // A client that failed to load has no connections.
    this.#large?.then(
      (large) => large.close(),
      () => {},
    );
  }
}
