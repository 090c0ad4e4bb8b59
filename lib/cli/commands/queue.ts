import { type Command, Option } from 'commander';
import { type FoundRow, PostgresFoundRows } from '../../adapters/postgres/found-rows.ts';
import { PostgresHeldRows, type RowChoice, type WaitingCounts } from '../../adapters/postgres/held-rows.ts';
import { DlqClient, type QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import { DAY_MS } from '../../common/time.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { askDatabase, databaseMissing, openDatabase } from '../lookups/database.ts';
import { renderRows, type ShownRow, shownRow } from '../lookups/shown-rows.ts';
import { wholeNumber } from '../number-flags.ts';
import type { Terminal } from '../terminal.ts';

const NOTES = `
What waits: rows of the outbox (through DATABASE_URL, or PGHOST and the other variables of psql), and messages in SQS.
Exit codes: 0 it was shown; 1 a place could not be asked; 2 error.

Examples:
  mailctl queue
  mailctl queue hold reply-4711
  mailctl queue hold --tenant shop-a
  mailctl queue release --all`;

const CHOICE_NOTES = `
Only rows that wait are held; one that a worker has in hand, and what is in SQS already, goes its way. New rows are not
held: repeat it, or stop their source. A held mail still expires at its time. Only what "hold" held is released.
Workers may run meanwhile, and each command can be repeated.

Exit codes: 0 done; 1 nothing was to be done; 2 error.`;

const DEFAULT_ROWS = 20;

interface ChoiceFlags {
  readonly tenant?: string;
  readonly all: boolean;
}

/** `mailctl queue`: what waits, and hold and release, as postqueue and postsuper do. */
export function registerQueue(program: Command, run: RunCommand): void {
  const queue = program
    .command('queue')
    .description('show what waits in the outbox and in SQS; hold and release it')
    .option('--limit <number>', 'rows to show', wholeNumber(1_000), DEFAULT_ROWS)
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', NOTES)
    .action((flags: ShowFlags) => run((context) => showQueue(context, flags)));
  for (const action of ['hold', 'release'] as const) {
    queue
      .command(action)
      .description(DESCRIPTIONS[action])
      .argument('[ids...]', 'delivery IDs')
      .addOption(new Option('--tenant <id>', 'all of this tenant that wait').conflicts('all'))
      .option('--all', 'all that wait', false)
      .addHelpText('after', CHOICE_NOTES)
      .action((ids: readonly string[], flags: ChoiceFlags) =>
        run((context) => changeQueue(context, action, choiceOf(ids, flags))),
      );
  }
}

const DESCRIPTIONS = {
  hold: 'keep waiting deliveries back until they are released',
  release: 'let deliveries on hold go out again',
} as const;

interface ShowFlags {
  readonly limit: number;
  readonly addresses: boolean;
}

type Asked<T> = T | { readonly skipped: string } | { readonly failure: DescribedFailure };

interface Waiting {
  readonly outbox: Asked<WaitingCounts & { readonly rows: readonly ShownRow[] }>;
  readonly fallback: Asked<QueueCounts>;
  readonly urgent: Asked<QueueCounts>;
  readonly held: Asked<QueueCounts>;
  readonly deadLetters: Asked<QueueCounts>;
}

/** The newest rows that wait are looked for in this time. */
const LISTED_MS = 14 * DAY_MS;

async function showQueue(context: CommandContext, flags: ShowFlags): Promise<ExitCode> {
  const { aws, deployment, terminal, commands, signal } = context;
  const caught = (error: unknown) => {
    if (signal.aborted) throw error;
    return { failure: describeFailure(error, commands) };
  };
  const inSqs = async (
    name: 'FallbackQueueUrl' | 'UrgentQueueUrl' | 'HeldQueueUrl' | 'DeadLetterQueueUrl',
  ) => {
    const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
    return new DlqClient(await aws.sqs(), outputs[name]).counts();
  };
  const [outbox, fallback, urgent, held, deadLetters] = await Promise.all([
    inOutbox(context, flags).catch(caught),
    inSqs('FallbackQueueUrl').catch(caught),
    inSqs('UrgentQueueUrl').catch(caught),
    inSqs('HeldQueueUrl').catch(caught),
    inSqs('DeadLetterQueueUrl').catch(caught),
  ]);
  const waiting: Waiting = { outbox, fallback, urgent, held, deadLetters };
  terminal.result(waiting, () => renderWaiting(terminal, waiting));
  return Object.values(waiting).some((place) => 'failure' in place) ? EXIT.warning : EXIT.ok;
}

async function inOutbox(
  { env }: CommandContext,
  { limit, addresses }: ShowFlags,
): Promise<Waiting['outbox']> {
  const skipped = databaseMissing(env);
  if (skipped !== undefined) return { skipped };
  const held = openDatabase(env, (settings) => new PostgresHeldRows(settings));
  const found = openDatabase(env, (settings) => new PostgresFoundRows(settings));
  try {
    const counts = await askDatabase(() => held.count({ by: 'all' }));
    const since = new Date(Date.now() - LISTED_MS);
    const rows: FoundRow[] = [];
    for (const state of ['on-hold', 'queued'] as const) {
      rows.push(...(await askDatabase(() => found.search({ from: since, state, limit }))).rows);
    }
    return { ...counts, rows: rows.slice(0, limit).map((row) => shownRow(row, addresses)) };
  } finally {
    await Promise.all([held.close(), found.close()]);
  }
}

function renderWaiting(terminal: Terminal, { outbox, fallback, urgent, held, deadLetters }: Waiting): string {
  const rows = 'rows' in outbox ? outbox.rows : [];
  return [
    `outbox: ${textOf(outbox, ({ waiting, onHold }) => `${waiting} wait, ${onHold} are on hold`)}`,
    `fallback queue: ${textOf(fallback, countsText)}`,
    `urgent mail: ${textOf(urgent, countsText)}`,
    `held by the fuse: ${textOf(held, countsText)}`,
    `dead letters: ${textOf(deadLetters, countsText)}`,
    ...(rows.length === 0 ? [] : ['', renderRows(terminal, rows, new Date())]),
  ].join('\n');
}

const countsText = ({ waiting, inFlight }: QueueCounts) =>
  `${waiting} wait, ${inFlight} are in hand or wait for their next try`;

function textOf<T extends object>(place: Asked<T>, text: (value: T) => string): string {
  if ('failure' in place) return `failed: ${place.failure.message}\n  fix: ${place.failure.fix}`;
  return 'skipped' in place ? `skipped: ${place.skipped}` : text(place);
}

/** @throws {@link OperatorError} unless exactly one choice was made */
function choiceOf(ids: readonly string[], { tenant, all }: ChoiceFlags): RowChoice {
  if (ids.length > 0 && tenant === undefined && !all) return { by: 'ids', ids };
  if (ids.length === 0 && tenant !== undefined) return { by: 'tenant', tenantId: tenant };
  if (ids.length === 0 && all) return { by: 'all' };
  throw new OperatorError('NO_CHOICE', 'it is not clear which deliveries', 'give ids, or --tenant, or --all');
}

async function changeQueue(
  { env, terminal, signal }: CommandContext,
  action: 'hold' | 'release',
  choice: RowChoice,
): Promise<ExitCode> {
  const rows = openDatabase(env, (settings) => new PostgresHeldRows(settings));
  try {
    if (choice.by !== 'ids' && !(await isConfirmed(terminal, rows, action, choice))) {
      throw new OperatorError('NOT_CONFIRMED', 'nothing was changed', 'answer with yes, or give --yes');
    }
    const ids = await askDatabase(() => rows[action](choice, signal));
    const left = choice.by === 'ids' ? choice.ids.filter((id) => !ids.includes(id)) : [];
    const { waiting, onHold } = await askDatabase(() => rows.count(choice));
    const unknown = choice.by !== 'ids' && waiting + onHold === 0 && ids.length === 0;
    terminal.result({ action, ids, unchanged: left, onHold }, () =>
      unknown
        ? `Nothing${whoseOf(choice)} waits or is on hold.`
        : resultText(action, { count: ids.length, onHold, left }),
    );
    return ids.length === 0 ? EXIT.warning : EXIT.ok;
  } finally {
    await rows.close();
  }
}

async function isConfirmed(
  terminal: Terminal,
  rows: PostgresHeldRows,
  action: 'hold' | 'release',
  choice: RowChoice,
): Promise<boolean> {
  const { waiting, onHold } = await askDatabase(() => rows.count(choice));
  const whose = whoseOf(choice);
  return terminal.confirm(
    action === 'hold' ? `Hold the ${waiting} that wait${whose}?` : `Release the ${onHold} on hold${whose}?`,
  );
}

function whoseOf(choice: RowChoice): string {
  return choice.by === 'tenant' ? ` of tenant ${choice.tenantId}` : '';
}

interface Changed {
  readonly count: number;
  /** Of those chosen, with those that were before. */
  readonly onHold: number;
  readonly left: readonly string[];
}

function resultText(action: 'hold' | 'release', { count, onHold, left }: Changed): string {
  const done =
    action === 'hold'
      ? `${count} newly held, ${onHold} on hold in all.`
      : `${count} released, each to the time at which it was due.`;
  const reason = action === 'hold' ? 'not waiting, or on hold already' : 'not on hold';
  return left.length === 0 ? done : `${done} Unchanged (${reason}): ${left.join(', ')}`;
}
