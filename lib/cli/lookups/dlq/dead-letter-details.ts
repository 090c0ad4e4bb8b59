import { createHash } from 'node:crypto';
import { maskAddress, maskAddressesIn } from '../../../domain/address.ts';
import { unpackMime } from '../../../domain/content.ts';
import type { FallbackMessage, S3Content } from '../../../domain/fallback-message.ts';
import { decodeEncodedWords, headerValues, parseMailboxList } from '../../../domain/mime-headers.ts';
import type { PayloadSource } from '../../../ports/queues.ts';
import { describeFailure } from '../../describe-failure.ts';
import { type DeadLetter, printable } from '../dead-letters.ts';

/** Private parts of a dead letter, shown only on request. */
export interface Reveal {
  readonly addresses: boolean;
  readonly body: boolean;
}

/** A dead letter as shown to the operator. */
export interface DeadLetterDetails {
  readonly deliveryId: string | undefined;
  readonly queueMessageId: string;
  readonly tenantId: string | undefined;
  readonly cause: string;
  readonly detail: string;
  readonly inQueueSince: string;
  readonly receiveCount: number;
  /** Undefined if it cannot be parsed. */
  readonly envelope: EnvelopeDetails | undefined;
  /** The raw SQS message body, if it cannot be parsed and the body was requested. */
  readonly raw?: string;
}

interface EnvelopeDetails {
  readonly from: string;
  readonly to: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  readonly smtpFailure: string | undefined;
  readonly content: ContentDetails;
}

type ContentDetails =
  | {
      readonly kind: 'mail';
      readonly bytes: number | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: 'not-readable'; readonly detail: string };

/** @param payloads used only for large mail */
export async function describeDeadLetter(
  deadLetter: DeadLetter,
  reveal: Reveal,
  payloads: () => Promise<PayloadSource>,
): Promise<DeadLetterDetails> {
  const { deliveryId, tenantId, queueMessageId, cause, detail, sentAt, receiveCount, parsed, body } =
    deadLetter;
  const isReadable = parsed.kind === 'message';
  return {
    deliveryId,
    tenantId,
    queueMessageId,
    cause,
    detail,
    inQueueSince: sentAt.toISOString(),
    receiveCount,
    envelope: isReadable ? await describeEnvelope(parsed.message, reveal, payloads) : undefined,
    ...(reveal.body && !isReadable ? { raw: text(body, reveal) } : {}),
  };
}

async function describeEnvelope(
  message: FallbackMessage,
  reveal: Reveal,
  payloads: () => Promise<PayloadSource>,
): Promise<EnvelopeDetails> {
  const shown = (address: string) => (reveal.addresses ? address : maskAddress(address));
  const { createdAt, expiresAt, failure } = message;
  return {
    from: shown(message.envelope.from),
    to: message.envelope.to.map(shown),
    createdAt,
    expiresAt,
    smtpFailure: failure?.class,
    content: await describeContent(message, reveal, payloads),
  };
}

const HEADERS = ['Subject', 'From', 'To', 'Date', 'Message-ID'] as const;

async function describeContent(
  { content }: FallbackMessage,
  reveal: Reveal,
  payloads: () => Promise<PayloadSource>,
): Promise<ContentDetails> {
  if (content.type === 'mail') {
    const parts = { Subject: [content.subject ?? []], From: [content.from], To: [content.to ?? []] };
    const headers = Object.entries(parts).map(([name, values]) => [name, values.flat(2)] as const);
    return {
      kind: 'mail',
      bytes: undefined,
      headers: shownHeaders(headers, reveal),
      ...(reveal.body ? { body: text(content.text ?? content.html ?? '', reveal) } : {}),
    };
  }
  const loaded = content.type === 's3' ? await fetchPayload(content, payloads) : unpackMime(content);
  if (loaded.kind !== 'mime') return { kind: 'not-readable', detail: loaded.detail };
  const { mime } = loaded;
  return {
    kind: 'mail',
    bytes: mime.length,
    headers: shownHeaders(
      HEADERS.map((name) => [name, headerValues(mime, name)]),
      reveal,
    ),
    ...(reveal.body ? { body: text(bodyOf(mime), reveal) } : {}),
  };
}

type Loaded =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'unreadable'; readonly detail: string };

async function fetchPayload(
  { key, bytes, sha256 }: S3Content,
  payloads: () => Promise<PayloadSource>,
): Promise<Loaded> {
  const stored = await askFor(async () => (await payloads()).get(key, bytes));
  if (stored.kind === 'unreadable') return stored;
  if (stored.kind === 'missing') return { kind: 'unreadable', detail: 'the bucket has no such payload' };
  const isSame =
    stored.kind === 'payload' && createHash('sha256').update(stored.bytes).digest('hex') === sha256;
  if (!isSame) return { kind: 'unreadable', detail: 'the payload is not the one that was declared' };
  return { kind: 'mime', mime: stored.bytes };
}

/** An S3 error must not hide the rest of the dead letter. */
async function askFor<Payload>(
  get: () => Promise<Payload>,
): Promise<Payload | { readonly kind: 'unreadable'; readonly detail: string }> {
  try {
    return await get();
  } catch (error) {
    const { message, fix } = describeFailure(error);
    return { kind: 'unreadable', detail: printable(`the bucket did not give it: ${message}; fix: ${fix}`) };
  }
}

function shownHeaders(
  headers: readonly (readonly [string, readonly string[]])[],
  { addresses }: Reveal,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    headers
      .filter(([, values]) => values.length > 0)
      .map(([name, values]) => {
        const shown = values.map((value) => {
          if (addresses) return printable(decodeEncodedWords(value));
          return name === 'From' || name === 'To' ? masked(value) : maskedText(name, value);
        });
        return [name, shown.join(', ')];
      }),
  );
}

/** A body contains addresses too, in signatures and quoted mail. */
function text(content: string, { addresses }: Reveal): string {
  return addresses ? content : maskAddressesIn(content);
}

/** Drops display names, which reveal more than the addresses. */
function masked(value: string): string {
  const addresses = parseMailboxList(value) ?? value.match(/[^\s<>,"]{1,256}@[^\s<>,"]{1,256}/g) ?? [];
  return printable(addresses.map(maskAddress).join(', '));
}

/** A Message-ID looks like an address but is none. */
function maskedText(name: string, value: string): string {
  const text = printable(decodeEncodedWords(value));
  return name === 'Message-ID' ? text : maskAddressesIn(text);
}

function bodyOf(mime: Buffer): string {
  const end = mime.indexOf('\r\n\r\n');
  return end === -1 ? '' : mime.toString('utf8', end + 4);
}
