import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { describeFailure } from '../../describe-failure.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import {
  type DeadLetter,
  type DeadLetterFilter,
  matchesFilter,
  type ScanDeps,
  scanDeadLetters,
} from '../../lookups/dead-letters.ts';
import {
  type CauseGroup,
  countText,
  type DeadLetterSummary,
  groupsOf,
  inFlightText,
  renderCauses,
  summaryOf,
} from './causes.ts';
import { noSuchDeadLetter, openDlqClients } from './open-queues.ts';
import {
  type DeadLetterResult,
  type ProcessDeps,
  type ProcessOutcome,
  processDeadLetters,
  RateLimiter,
} from './process-dead-letters.ts';
import { restLines } from './redrive.ts';

/** Deletes put no load on a downstream, so only the SQS batch size limits them. */
const DROPS_PER_SECOND = 1_000;

export interface DropCommand {
  readonly choice: DeadLetterFilter;
  readonly reason: DropReason;
  readonly recordPath: string;
}

/** Shows which dead letters will be deleted, asks for confirmation, records and deletes them. */
export async function drop(
  context: CommandContext,
  { choice, reason, recordPath }: DropCommand,
  clock: Clock,
): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const queues = await openDlqClients(context);
  const { deadLetters, causes, inFlight } = await planDrop(choice, queues.survey);
  signal.throwIfAborted();
  const planned = { planned: deadLetters.length, causes, inFlight };
  const inFlightLines = inFlight > 0 ? [inFlightText(inFlight)] : [];
  if (deadLetters.length === 0) {
    if (choice.by !== 'all') throw noSuchDeadLetter(inFlight, commands);
    terminal.result(planned, () => ['There is no dead letter to drop.', ...inFlightLines].join('\n'));
    return inFlight > 0 ? EXIT.warning : EXIT.ok;
  }

  const record = resolve(recordPath);
  await openDropRecord(record);
  terminal.note(renderCauses(terminal, causes, clock.now()));
  if (!(await terminal.confirm(`Delete ${countText(deadLetters.length)} for good?`))) {
    terminal.result({ ...planned, confirmed: false }, () => 'Nothing was dropped: it needs a yes, or --yes.');
    return EXIT.warning;
  }
  const outcome = await dropDeadLetters(new Set(deadLetters.map(({ queueMessageId }) => queueMessageId)), {
    box: queues.deadLetters,
    pace: new RateLimiter(DROPS_PER_SECOND),
    progress: terminal.progress('Dropping', deadLetters.length),
    clock,
    signal,
    recordPath: record,
    reason,
  });
  const { done: dropped, missing, broken } = outcome;
  const failed = Object.fromEntries(outcome.failed);
  const failure = broken === undefined ? undefined : describeFailure(broken.error, commands);
  const result = { ...planned, dropped, failed, missing, interrupted: signal.aborted, failure, record };
  terminal.result(result, () =>
    [
      `${countText(dropped)} dropped; the record is in ${record}.`,
      ...restLines(outcome, signal.aborted, failure),
      ...inFlightLines,
    ].join('\n'),
  );
  if (failure !== undefined) return EXIT.failed;
  return dropped === deadLetters.length && inFlight === 0 ? EXIT.ok : EXIT.warning;
}

interface DropPlan {
  readonly deadLetters: readonly DeadLetterSummary[];
  readonly causes: readonly CauseGroup[];
  readonly inFlight: number;
}

/** Finds the dead letters to drop; deletes nothing. */
async function planDrop(choice: DeadLetterFilter, deps: ScanDeps): Promise<DropPlan> {
  const deadLetters: DeadLetterSummary[] = [];
  const scan = await scanDeadLetters(deps, (deadLetter) => {
    if (matchesFilter(choice, deadLetter)) deadLetters.push(summaryOf(deadLetter));
    return true;
  });
  return { deadLetters, causes: groupsOf(deadLetters), inFlight: scan.inFlight };
}

interface DropDeps extends ProcessDeps {
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
function dropDeadLetters(chosen: ReadonlySet<string>, deps: DropDeps): Promise<ProcessOutcome> {
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
interface DropReason {
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
function openDropRecord(path: string): Promise<void> {
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
