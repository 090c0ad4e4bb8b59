import { open } from 'node:fs/promises';
import type { Letter } from './letter.ts';

/** Who drops letters, and why. */
export interface DropReason {
  readonly because: string;
  readonly by: string;
}

/**
 * Writes one JSON line for each letter into a file that only grows, and that only its owner can read. It holds what a
 * letter was, and none of its content or addresses.
 *
 * @throws where the lines are not on the disk
 */
export async function recordDrop(
  path: string,
  letters: readonly Letter[],
  { because, by }: DropReason,
  at: Date,
): Promise<void> {
  const lines = letters.map(({ deliveryId, queueMessageId, cause, detail, sentAt, parsed }) => {
    const known = parsed.kind === 'envelope' ? parsed.envelope : undefined;
    return `${JSON.stringify({
      at: at.toISOString(),
      deliveryId,
      queueMessageId,
      tenantId: known?.tenantId,
      recipients: known?.envelope.to.length,
      cause,
      detail,
      inQueueSince: sentAt.toISOString(),
      because,
      by,
    })}\n`;
  });
  const file = await open(path, 'a', 0o600);
  try {
    await file.appendFile(lines.join(''));
    await file.sync();
  } finally {
    await file.close();
  }
}
