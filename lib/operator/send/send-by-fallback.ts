import { packMime } from '../../message/content-codec.ts';
import type { Delivery } from '../../message/delivery.ts';
import { ENVELOPE_VERSION, type Envelope } from '../../message/envelope.ts';
import type { FallbackQueue } from '../../ports/fallback-queue.ts';

/** Hands the mail over as the worker does, but for a failure: SMTP was never tried. @returns the id that SQS gave */
export function handOverTestMail(delivery: Delivery, queue: FallbackQueue): Promise<string> {
  const envelope: Envelope = {
    version: ENVELOPE_VERSION,
    id: delivery.id,
    envelope: { from: delivery.from, to: [...delivery.to] },
    content: packMime(delivery.mime),
    createdAt: delivery.createdAt.toISOString(),
    expiresAt: delivery.expiresAt.toISOString(),
  };
  return queue.push(envelope);
}
