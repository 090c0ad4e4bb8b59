import { createHash } from 'node:crypto';
import { unpackMime } from '../../lib/domain/content.ts';
import { type CompositionMark, compositionMark } from '../../lib/domain/delivery.ts';
import type { FallbackMessage, S3Content } from '../../lib/domain/fallback-message.ts';
import type { PayloadSource } from '../../lib/ports/queues.ts';
import type { ContentComposer } from '../../lib/ports/senders.ts';

/** Loaded on first use, since most mails need neither. */
export interface ContentSources {
  readonly payloads: () => Promise<PayloadSource>;
  readonly composer: () => Promise<ContentComposer>;
}

export type LoadedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  /** Permanent: a retry gives the same result. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly detail: string };

/**
 * Loads the bytes to send: from the message itself, from the bucket, or composed.
 *
 * @throws if the bucket does not respond
 */
export async function loadContent(message: FallbackMessage, sources: ContentSources): Promise<LoadedContent> {
  const { content } = message;
  switch (content.type) {
    case 'mime':
      return unpackMime(content);
    case 's3':
      return fetchPayload(content, await sources.payloads());
    case 'mail':
      return (await sources.composer()).compose(content, markFor(message));
  }
}

async function fetchPayload(content: S3Content, payloads: PayloadSource): Promise<LoadedContent> {
  const stored = await payloads.get(content.key, content.bytes);
  if (stored.kind === 'missing') {
    return { kind: 'unreadable', reason: 'payload-missing', detail: 'the bucket has no such payload' };
  }
  if (stored.kind === 'too-large' || stored.bytes.length !== content.bytes) {
    return {
      kind: 'unreadable',
      reason: 'size-mismatch',
      detail: `the payload has not the ${content.bytes} bytes declared`,
    };
  }
  const sha256 = createHash('sha256').update(stored.bytes).digest('hex');
  if (sha256 !== content.sha256) {
    return { kind: 'unreadable', reason: 'hash-mismatch', detail: `the payload hashes to ${sha256}` };
  }
  return { kind: 'mime', mime: stored.bytes };
}

function markFor({ id, envelope, createdAt }: FallbackMessage): CompositionMark {
  return compositionMark(id, envelope.from, new Date(createdAt));
}

/**
 * Tells two mails with the same id apart: SHA-256 of the MIME message, in hexadecimal digits. A mail that is
 * composed here is hashed by its fields, since a later version of the composer may compose a different
 * message from them.
 */
export function contentHash({ content }: FallbackMessage, mime: Buffer): string {
  // The schema outputs the fields in one fixed order, independent of the input.
  const identity = content.type === 'mail' ? JSON.stringify(content) : mime;
  return createHash('sha256').update(identity).digest('hex');
}
