import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { unpackMime } from '../../lib/domain/content.ts';
import type { FallbackMessage } from '../../lib/domain/fallback-message.ts';
import type { SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { SmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import type { RelaySettings } from '../../lib/relay/settings.ts';
import { smtpSettingsFor } from './smtp-settings-for.ts';

export const RELAY_DOMAIN = 'keybuzz.io';

/** Behind a mail server, on a free port of this machine. */
export function relaySettingsFor(aws: SqsAndS3, overrides: Partial<RelaySettings> = {}): RelaySettings {
  return {
    host: '127.0.0.1',
    port: 0,
    name: 'relay.test',
    fallback: {
      queueUrl: aws.fallback.url,
      payloadBucket: aws.bucket,
      domain: RELAY_DOMAIN,
      ...aws.credentials,
      sqsEndpoint: aws.endpoint,
      s3Endpoint: aws.endpoint,
    },
    ...overrides,
  };
}

/** In front of the double. */
export function upstreamOf(double: SmtpDouble): RelaySettings['upstream'] {
  return smtpSettingsFor(double);
}

/** The message inside a fallback message. */
export function mimeOf({ content }: FallbackMessage): Buffer {
  if (content.type !== 'mime') throw new Error(`the content is of type ${content.type}`);
  const unpacked = unpackMime(content);
  if (unpacked.kind !== 'mime') throw new Error(unpacked.detail);
  return unpacked.mime;
}

/** A client that says what it is told to, right or wrong. */
export class RawSmtpClient {
  readonly socket: Socket;
  #seen = '';
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (text: string) => {
      this.#seen += text;
      socket.emit('reply');
    });
    socket.once('close', () => {
      this.#ended = true;
      socket.emit('reply');
    });
  }

  /** Waits for the greeting. */
  static async connect(port: number, host = '127.0.0.1'): Promise<RawSmtpClient> {
    const client = new RawSmtpClient(connect({ port, host }));
    await client.reply();
    return client;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** The next reply as one text; empty if the connection ends before it. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#seen)?.[0];
      if (whole !== undefined) {
        this.#seen = this.#seen.slice(whole.length);
        return whole;
      }
      if (this.#ended) return '';
      await once(this.socket, 'reply');
    }
  }

  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  write(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** EHLO, MAIL, RCPT and DATA; then the message, which the caller ends with its dot. */
  async send(envelope: { from: string; to: readonly string[] }, message: string): Promise<string> {
    await this.say('EHLO client.test');
    const replies = [await this.say(`MAIL FROM:<${envelope.from}>`)];
    for (const address of envelope.to) replies.push(await this.say(`RCPT TO:<${address}>`));
    replies.push(await this.say('DATA'));
    const refused = replies.find((reply) => !/^[23]/.test(reply));
    if (refused !== undefined) return refused;
    this.write(message);
    return this.reply();
  }

  end(): void {
    this.socket.destroy();
  }
}
