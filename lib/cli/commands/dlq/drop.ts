import { resolve } from 'node:path';
import type { Clock } from '../../../ports/runtime.ts';
import type { CommandContext } from '../../context.ts';
import { describeFailure } from '../../describe-failure.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import type { DeadLetterFilter } from '../../lookups/dead-letters.ts';
import {
  DROPS_PER_SECOND,
  type DropReason,
  dropDeadLetters,
  openDropRecord,
  planDrop,
} from '../../lookups/dlq/drop-dead-letters.ts';
import { noSuchDeadLetter, openDlqClients } from '../../lookups/dlq/open-queues.ts';
import { RateLimiter } from '../../lookups/dlq/process-dead-letters.ts';
import { countText, inFlightText, renderCauses } from './causes.ts';
import { restLines } from './redrive.ts';

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
