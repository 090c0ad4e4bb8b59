/** A message as the double received it. */
export type ReceivedMail = {
  /** The address of MAIL FROM; empty for the null sender. */
  readonly from: string;
  /** The addresses of the RCPT TO that were taken, in their order. */
  readonly to: readonly string[];
  /** The bytes between DATA's 354 and the final dot, dots unstuffed, the last CRLF included. */
  readonly raw: Buffer;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** The name of AUTH, when there was one. */
  readonly user: string | undefined;
  /** The ordinal of the TCP connection, from 1: two mails with the same number shared it. */
  readonly connection: number;
};

type Waiter = {
  readonly matches: (mail: ReceivedMail) => boolean;
  readonly resolve: (mail: ReceivedMail) => void;
};

/** What the double has received, and those who wait for it. */
export class Mailbox {
  readonly #taken: ReceivedMail[] = [];
  readonly #unanswered: ReceivedMail[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: ((mail: ReceivedMail) => void)[] = [];

  /** Mails that were, or are about to be, answered 250. */
  get taken(): readonly ReceivedMail[] {
    return this.#taken;
  }

  /** Mails that came whole and whose sender never got an answer that SMTP knows. */
  get unanswered(): readonly ReceivedMail[] {
    return this.#unanswered;
  }

  take(mail: ReceivedMail): void {
    this.#taken.push(mail);
    for (const listener of this.#listeners) listener(mail);
    for (const waiter of [...this.#waiters].filter(({ matches }) => matches(mail))) waiter.resolve(mail);
  }

  /** Calls the listener with every mail that is taken from now on. */
  subscribe(listener: (mail: ReceivedMail) => void): void {
    this.#listeners.push(listener);
  }

  leaveUnanswered(mail: ReceivedMail): void {
    this.#unanswered.push(mail);
  }

  /** The first taken mail that matches, now or when it comes. Rejects with the signal's reason. */
  waitFor(matches: (mail: ReceivedMail) => boolean, signal?: AbortSignal): Promise<ReceivedMail> {
    const here = this.#taken.find(matches);
    if (here) return Promise.resolve(here);
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
