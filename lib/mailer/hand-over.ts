import { createHash } from 'node:crypto';
import { packMime } from '../domain/content.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import {
  type Content,
  FALLBACK_MESSAGE_VERSION,
  type FallbackMessage,
  type S3Content,
  serialiseFallbackMessage,
} from '../domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES, PAYLOAD_PREFIX } from '../domain/limits.ts';
import type { FallbackFailure, HandOver } from '../domain/outcome.ts';
import type { Checkable, FallbackQueue, PayloadStore } from '../ports/queues.ts';

/** Compression rarely shrinks more than this to under 1 MiB of base64: larger content goes straight to S3. */
const WORTH_PACKING_BYTES = 4 * MAX_QUEUE_MESSAGE_BYTES;

export interface HandOverDeps {
  readonly queue: FallbackQueue;
  readonly payloads: PayloadStore;
  /** Returns the code of an adapter's error. */
  readonly describeError: (error: unknown) => string;
  /** Whether no retry fixes an adapter's error. */
  readonly isMisconfiguration: (error: unknown) => boolean;
}

export type HandOverResult =
  | { readonly kind: 'handed-over'; readonly handOver: HandOver }
  | { readonly kind: 'failed'; readonly fallback: FallbackFailure };

/**
 * Sends the recipients that SMTP did not accept to the queue, all in one envelope: the id is the idempotency
 * key, so there must not be two messages with the same id and different recipients.
 */
export async function handOver(
  delivery: Delivery,
  recipients: readonly string[],
  failure: Failure,
  deps: HandOverDeps,
): Promise<HandOverResult> {
  const inline = inlineEnvelope(delivery, recipients, failure);
  if (inline !== undefined) return push(inline, failure, deps);
  const content = s3ContentOf(delivery);
  try {
    await deps.payloads.put(content.key, delivery.mime);
  } catch (error) {
    return { kind: 'failed', fallback: toFallbackFailure('payload-store', error, deps) };
  }
  return push(envelopeOf(delivery, recipients, failure, content), failure, deps);
}

async function push(message: FallbackMessage, failure: Failure, deps: HandOverDeps): Promise<HandOverResult> {
  try {
    const queueMessageId = await deps.queue.push(message);
    return { kind: 'handed-over', handOver: { queueMessageId, failure, recipients: message.envelope.to } };
  } catch (error) {
    return { kind: 'failed', fallback: toFallbackFailure('queue', error, deps) };
  }
}

function toFallbackFailure(
  service: 'queue' | 'payload-store',
  error: unknown,
  deps: Pick<HandOverDeps, 'describeError' | 'isMisconfiguration'>,
): FallbackFailure {
  const kind = deps.isMisconfiguration(error) ? 'misconfigured' : 'unavailable';
  return { code: `${service}-${kind}`, detail: deps.describeError(error) };
}

export interface CheckFallbackDeps extends HandOverDeps {
  readonly queue: HandOverDeps['queue'] & Checkable;
  readonly payloads: HandOverDeps['payloads'] & Checkable;
}

/** Whether queue and payload store would accept a mail now; empty if both would. */
export async function checkFallback(deps: CheckFallbackDeps): Promise<readonly FallbackFailure[]> {
  const check = async (service: 'queue' | 'payload-store', checked: Checkable) => {
    try {
      await checked.check();
      return [];
    } catch (error) {
      return [toFallbackFailure(service, error, deps)];
    }
  };
  const failures = await Promise.all([check('queue', deps.queue), check('payload-store', deps.payloads)]);
  return failures.flat();
}

/** The envelope with inline content, if it fits into one queue message. */
function inlineEnvelope(
  delivery: Delivery,
  recipients: readonly string[],
  failure: Failure,
): FallbackMessage | undefined {
  if (delivery.mime.length > WORTH_PACKING_BYTES) return undefined;
  const content = packMime(delivery.mime);
  const envelope = envelopeOf(delivery, recipients, failure, content);
  // An ordinary mail need not be written twice to see that it fits: 100 addresses and all other fields take far less.
  if (recipients.length <= 100 && content.data.length < MAX_QUEUE_MESSAGE_BYTES / 2) return envelope;
  return Buffer.byteLength(serialiseFallbackMessage(envelope)) <= MAX_QUEUE_MESSAGE_BYTES
    ? envelope
    : undefined;
}

/**
 * The key depends only on id and content, so that a retry finds the first payload and leaves no orphan; the
 * id is hashed because it may contain characters that a key should not.
 */
function s3ContentOf(delivery: Delivery): S3Content {
  const sha256 = createHash('sha256').update(delivery.mime).digest('hex');
  const idHash = createHash('sha256').update(delivery.id).digest('hex').slice(0, 32);
  return { type: 's3', key: `${PAYLOAD_PREFIX}${idHash}/${sha256}`, bytes: delivery.mime.length, sha256 };
}

function envelopeOf(
  delivery: Delivery,
  recipients: readonly string[],
  failure: Failure,
  content: Content,
): FallbackMessage {
  return {
    version: FALLBACK_MESSAGE_VERSION,
    id: delivery.id,
    ...(delivery.tenantId === undefined ? {} : { tenantId: delivery.tenantId }),
    envelope: { from: delivery.from, to: [...recipients] },
    content,
    failure,
    createdAt: delivery.createdAt.toISOString(),
    expiresAt: delivery.expiresAt.toISOString(),
    ...(delivery.tags === undefined ? {} : { tags: { ...delivery.tags } }),
    // Only where it says something: an ordinary message does not grow.
    ...(delivery.priority === 'urgent' ? { priority: 'urgent' } : {}),
  };
}
