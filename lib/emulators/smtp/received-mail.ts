export type ReceivedMail = {
  /** When it was completely received. */
  readonly at: Date;
  /** The address of MAIL FROM; empty for the null sender. */
  readonly from: string;
  /** The addresses of the accepted RCPT TO, in order. */
  readonly to: readonly string[];
  /** The parameters of MAIL FROM, and of each accepted RCPT TO (RFC 5321, 4.1.2). */
  readonly esmtp: { readonly from: EsmtpParameters; readonly to: readonly EsmtpParameters[] };
  /** The bytes between DATA's 354 and the final dot, dot-unstuffed, including the last CRLF. */
  readonly raw: Buffer;
  /** Whether it was received over TLS. */
  readonly secure: boolean;
  /** The user name of AUTH, if any. */
  readonly user: string | undefined;
  /** Number of the TCP connection, from 1: mails with the same number shared it. */
  readonly connection: number;
};

/** By keyword in upper case, decoded from xtext. */
type EsmtpParameters = Readonly<Record<string, string | boolean>>;

type Waiter = {
  readonly matches: (mail: ReceivedMail) => boolean;
  readonly resolve: (mail: ReceivedMail) => void;
};

/** The mails that the double has received, and the waits for them. */
export class Mailbox {
  readonly #taken: ReceivedMail[] = [];
  readonly #unanswered: ReceivedMail[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: ((mail: ReceivedMail) => void)[] = [];

  /** Accepted mails: the reply 250 was sent or is about to be. */
  get taken(): readonly ReceivedMail[] {
    return this.#taken;
  }

  /** Completely received mails whose sender never got a valid SMTP reply. */
  get unanswered(): readonly ReceivedMail[] {
    return this.#unanswered;
  }

  take(mail: ReceivedMail): void {
    this.#taken.push(mail);
    for (const listener of this.#listeners) listener(mail);
    for (const waiter of [...this.#waiters].filter(({ matches }) => matches(mail))) waiter.resolve(mail);
  }

  /** Calls the listener with every mail accepted from now on. */
  subscribe(listener: (mail: ReceivedMail) => void): void {
    this.#listeners.push(listener);
  }

  leaveUnanswered(mail: ReceivedMail): void {
    this.#unanswered.push(mail);
  }

  /** The first past or future accepted mail that matches. Rejects with the signal's reason. */
  waitFor(matches: (mail: ReceivedMail) => boolean, signal?: AbortSignal): Promise<ReceivedMail> {
    const past = this.#taken.find(matches);
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const settle = () => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => {
        settle();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        matches,
        resolve: (mail) => {
          settle();
          resolve(mail);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', abort);
    });
  }
}
