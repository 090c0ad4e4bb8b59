import { connect, type Socket } from 'node:net';

/** How a connection ended for its client. */
export type End = 'closed' | 'ECONNRESET' | 'EPIPE' | 'ECONNREFUSED' | string;

/** A client that sends given lines, and receives each reply and the end of the connection as they arrive. */
export class RawSmtpClient {
  readonly socket: Socket;
  readonly ended: Promise<End>;
  #received = '';
  #notify: () => void = () => {};

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#notify();
    });
    this.ended = new Promise((resolve) => {
      let end: End = 'closed';
      this.socket.on('error', (error: NodeJS.ErrnoException) => {
        end = error.code ?? error.message;
      });
      this.socket.on('close', () => {
        resolve(end);
        this.#notify();
      });
    });
  }

  /** What was received and not yet read. */
  get pending(): string {
    return this.#received;
  }

  /** The next reply with all its lines, or what was received before the connection ended. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*(?!\d{3}-).*\r\n/.exec(this.#received);
      if (whole || this.socket.closed) {
        const text = whole?.[0] ?? this.#received;
        this.#received = this.#received.slice(text.length);
        return text.trimEnd();
      }
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
  }

  say(line: string): void {
    this.socket.write(`${line}\r\n`);
  }

  async ask(line: string): Promise<string> {
    this.say(line);
    return this.reply();
  }

  /** From the greeting, EHLO, MAIL and RCPT to the 354. */
  async upToData(recipients: readonly string[] = ['to@example.org']): Promise<string> {
    await this.reply();
    await this.ask('EHLO test');
    await this.ask('MAIL FROM:<from@example.org>');
    for (const recipient of recipients) await this.ask(`RCPT TO:<${recipient}>`);
    return this.ask('DATA');
  }
}
