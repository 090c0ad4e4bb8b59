import { isAscii } from 'node:buffer';
import { Readable } from 'node:stream';
import type { NodemailerError } from 'nodemailer';
import MimeNode, { type MimeNodeEnvelope } from 'nodemailer/lib/mime-node';
import type { Delivery } from '../../domain/delivery.ts';

/** How far the message has progressed with the server. */
export type Progress =
  /** No session is ready for it yet. */
  | 'waiting'
  /** A session was ready; sender, recipients and DATA were sent, but DATA is not yet accepted. */
  | 'envelope'
  /** DATA was accepted and the body is on the wire. */
  | 'data'
  /** The whole body, including the final dot, was written to the socket. */
  | 'complete';

/** nodemailer stores the refusals of a session on the envelope object passed to it. */
type SessionEnvelope = MimeNodeEnvelope & { rejectedErrors?: NodemailerError[] };

const CHUNK_BYTES = 64 * 1024;

/**
 * A composed message that tracks its progress in nodemailer's pool. The pool reads the envelope when a
 * session is ready, and the stream only after the server has accepted DATA. This must be observed because the
 * pool's errors show neither: a stall after the final dot is reported as a failed connection.
 */
export class ObservedMessage extends MimeNode {
  readonly #delivery: Delivery;
  #envelope: SessionEnvelope | undefined;
  #bodyBytesRead = 0;
  /** What SMTP gets. */
  readonly #message: Buffer;

  constructor(delivery: Delivery) {
    // nodemailer would draw a random one for each mail; nothing here uses it.
    super(undefined, { baseBoundary: 'none' });
    this.#delivery = delivery;
    const { mime, smtpHeader } = delivery;
    this.#message =
      smtpHeader === undefined ? mime : Buffer.concat([Buffer.from(smtpHeader, 'latin1'), mime]);
  }

  get progress(): Progress {
    if (this.#bodyBytesRead > 0) return this.#bodyBytesRead < this.#message.length ? 'data' : 'complete';
    return this.#envelope === undefined ? 'waiting' : 'envelope';
  }

  /** The recipients that the last session refused, also known if the mail as a whole failed afterwards. */
  get refusals(): readonly NodemailerError[] {
    return this.#envelope?.rejectedErrors ?? [];
  }

  /** Called once for each session that tries the message. */
  override getEnvelope(): MimeNodeEnvelope {
    const { from, to } = this.#delivery;
    const message = this.#message;
    this.#envelope = { from, to: [...to], size: message.length, use8BitMime: !isAscii(message) };
    return this.#envelope;
  }

  /** The pool asks for the Message-ID alone, for its log. */
  override getHeader(): string {
    return this.#delivery.messageId;
  }

  override messageId(): string {
    return this.#delivery.messageId;
  }

  override createReadStream(): ReturnType<MimeNode['createReadStream']> {
    const nextChunk = (): Buffer | null => {
      const chunk = this.#message.subarray(this.#bodyBytesRead, this.#bodyBytesRead + CHUNK_BYTES);
      this.#bodyBytesRead += chunk.length;
      return chunk.length === 0 ? null : chunk;
    };
    return this.#message.length <= CHUNK_BYTES ? new OneChunk(nextChunk) : new Chunks(nextChunk);
  }
}

/** Reads one chunk at a time, as the socket takes it. */
class Chunks extends Readable {
  readonly #nextChunk: () => Buffer | null;

  constructor(nextChunk: () => Buffer | null) {
    super();
    this.#nextChunk = nextChunk;
  }

  override _read(): void {
    this.push(this.#nextChunk());
  }
}

/** A short message is written in one call; for each, a pipe would add and remove a dozen listeners. */
class OneChunk extends Chunks {
  override pipe<Destination extends NodeJS.WritableStream>(destination: Destination): Destination {
    // Read as from any stream: by this, the pool knows that it must not send the message over another connection.
    destination.end(this.read() ?? undefined);
    return destination;
  }
}
