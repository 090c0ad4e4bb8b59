import { open } from 'node:fs/promises';
import { OperatorError } from '../operator-error.ts';
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
 * @throws {@link OperatorError} where the lines are not on the disk
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
  await append(path, lines.join(''));
}

/**
 * Makes the file where it is not there, so that nobody is asked about letters that cannot be written down.
 *
 * @throws {@link OperatorError} where it cannot be written
 */
export function openDropRecord(path: string): Promise<void> {
  return append(path, '');
}

async function append(path: string, lines: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o600);
    try {
      await file.appendFile(lines);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw notWritable(path, error);
  }
}

function notWritable(path: string, error: unknown): OperatorError {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  return new OperatorError(
    'RECORD_NOT_WRITABLE',
    `the record ${path} cannot be written: ${code}`,
    'give --record a file that you may write, in a folder that is there and has room',
    { cause: error },
  );
}
