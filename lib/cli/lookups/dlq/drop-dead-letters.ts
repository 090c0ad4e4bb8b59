import { open } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Clock } from '../../../ports/runtime.ts';
import { OperatorError } from '../../errors.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  matchesFilter,
  type ScanDeps,
  scanDeadLetters,
} from '../dead-letters.ts';
import { type CauseGroup, type DeadLetterSummary, groupsOf, summaryOf } from './causes.ts';
import {
  type DeadLetterResult,
  type ProcessDeps,
  type ProcessOutcome,
  processDeadLetters,
} from './process-dead-letters.ts';

/** Deletes put no load on a downstream, so only the SQS batch size limits them. */
export const DROPS_PER_SECOND = 1_000;

/** Where drops are recorded, unless another file is named. */
export const DROP_RECORD = 'dropped-letters.jsonl';

/** What would be dropped. */
export interface DropPlan {
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly inFlight: number;
}

/** Finds the dead letters to drop; deletes nothing. */
export async function planDrop(choice: DeadLetterFilter, deps: ScanDeps): Promise<DropPlan> {
  const deadLetters: DeadLetterSummary[] = [];
  const scan = await scanDeadLetters(deps, (deadLetter) => {
    if (matchesFilter(choice, deadLetter)) deadLetters.push(summaryOf(deadLetter));
    return true;
  });
  return { deadLetters, causes: groupsOf(deadLetters), inFlight: scan.inFlight };
}

export interface DropDeps extends ProcessDeps {
  readonly clock: Clock;
  readonly recordPath: string;
  readonly reason: DropReason;
}

/**
 * Deletes dead letters permanently. Each is recorded before it is deleted: a recorded one may still be in the
 * queue, but none is deleted without a record.
 *
 * @param chosen SQS message IDs
 */
export function dropDeadLetters(chosen: ReadonlySet<string>, deps: DropDeps): Promise<ProcessOutcome> {
  const { box, clock, recordPath, reason } = deps;
  return processDeadLetters(chosen, deps, async (deadLetters) => {
    await recordDrop(recordPath, deadLetters, reason, clock.now());
    const deleted = await box.delete(deadLetters.map(({ receiptHandle }) => receiptHandle));
    return new Map(
      deadLetters.map(({ queueMessageId, receiptHandle }): [string, DeadLetterResult] => [
        queueMessageId,
        deleted.has(receiptHandle) ? { kind: 'done' } : { kind: 'failed', code: 'NotDeleted' },
      ]),
    );
  });
}

/** Who drops dead letters, and why. */
export interface DropReason {
  readonly because: string;
  readonly by: string;
}

/**
 * Appends one JSON line per dead letter to a file that only its owner can read. It contains neither content
 * nor addresses.
 *
 * @throws {@link OperatorError} if the lines could not be written to disk
 */
async function recordDrop(
  path: string,
  deadLetters: readonly DeadLetter[],
  { because, by }: DropReason,
  at: Date,
): Promise<void> {
  const lines = deadLetters.map(({ deliveryId, queueMessageId, cause, detail, sentAt, parsed }) => {
    const known = parsed.kind === 'message' ? parsed.message : undefined;
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
 * Creates the file if needed, to fail before the confirmation if it is not writable.
 *
 * @throws {@link OperatorError} if it cannot be written
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

/** Who drops. A container may run under a UID without a user name. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unnamed';
  }
}
