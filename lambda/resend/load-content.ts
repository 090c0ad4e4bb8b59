import { createHash } from 'node:crypto';
import { type CompositionMark, compositionMark } from '../../lib/message/composition-mark.ts';
import { unpackMime } from '../../lib/message/content-codec.ts';
import type { Envelope, S3Content } from '../../lib/message/envelope.ts';
import type { ContentComposer } from '../../lib/ports/content-composer.ts';
import type { PayloadStore } from '../../lib/ports/payload-store.ts';

/** What most mails do not need is loaded by the first that does. */
export interface ContentSources {
  readonly payloads: () => Promise<PayloadStore>;
  readonly composer: () => Promise<ContentComposer>;
}

export type LoadedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  /** It will be the same at every try. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly detail: string };

/**
 * The bytes to send: out of the message itself, out of the bucket, or composed.
 *
 * @throws where the bucket cannot be asked now
 */
export async function loadContent(envelope: Envelope, sources: ContentSources): Promise<LoadedContent> {
  const { content } = envelope;
  switch (content.type) {
    case 'mime':
      return unpackMime(content);
    case 's3':
      return fetchPayload(content, await sources.payloads());
    case 'mail':
      return (await sources.composer()).compose(content, markOf(envelope));
  }
}

async function fetchPayload(content: S3Content, payloads: PayloadStore): Promise<LoadedContent> {
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

function markOf({ id, envelope, createdAt }: Envelope): CompositionMark {
  return compositionMark(id, envelope.from, new Date(createdAt));
}
