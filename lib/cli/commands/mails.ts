import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import {
  type FoundRow,
  PostgresFoundRows,
  ROW_STATES,
  type RowState,
  SCANNED_ROWS,
} from '../../adapters/postgres/found-rows.ts';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { askDatabase, openDatabase } from '../lookups/database.ts';
import { renderRows, type ShownRow, shownRow, stateText } from '../lookups/shown-rows.ts';
import { timespan, wholeNumber } from '../number-flags.ts';
import type { Terminal } from '../terminal.ts';

const MAILS_NOTES = `
Reads outbound_deliveries through DATABASE_URL, or PGHOST and the other variables of psql. A recipient is found by
target_address and by the reported statuses; the To, Cc and Bcc of a mail in the column mail are looked at in the
${SCANNED_ROWS.toLocaleString('en')} newest rows of that time.

Exit codes: 0 there are such mails; 1 there is none; 2 error.

Examples:
  mailctl mails --to marie@example.org --since 2h --state failed
  mailctl mails --since 7d --state on-hold
  mailctl --json mails --state failed | jq -r '.data.rows[].id'`;

const TAIL_NOTES = `
Reads outbound_deliveries as "mailctl mails" does, every two seconds, until Ctrl-C. A mail is followed for as long as
--since after its creation. With --json each outcome is a line.

Examples:
  mailctl tail
  mailctl tail --state failed`;

const MAX_ROWS = 1_000;
const DEFAULT_ROWS = 50;

interface MailsFlags {
  readonly to?: string;
  readonly since: number;
  readonly state?: RowState;
  readonly limit: number;
  readonly addresses: boolean;
}

type TailFlags = Pick<MailsFlags, 'since' | 'state' | 'addresses'>;

/** `mailctl mails`: the deliveries of the outbox. */
export function registerMails(program: Command, run: RunCommand): void {
  program
    .command('mails')
    .description('list deliveries of the outbox, newest first')
    .option('--to <address>', 'only those to this recipient')
    .addOption(since(DAY_MS, '1d'))
    .addOption(inState())
    .option('--limit <number>', 'at most so many', wholeNumber(MAX_ROWS), DEFAULT_ROWS)
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', MAILS_NOTES)
    .action((flags: MailsFlags) => run((context) => listMails(context, flags)));
}

/** `mailctl tail`: their outcomes as they come. */
export function registerTail(program: Command, run: RunCommand): void {
  program
    .command('tail')
    .description('follow the outcomes of deliveries as they come')
    .addOption(since(HOUR_MS, '1h'))
    .addOption(inState())
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', TAIL_NOTES)
    .action((flags: TailFlags) => run((context) => followOutcomes(context, flags)));
}

function inState(): Option {
  return new Option('--state <state>', 'only those in this state').choices(ROW_STATES);
}

function since(defaultMs: number, shown: string): Option {
  return new Option('--since <time>', 'created within this time, such as 30m, 2h or 7d')
    .argParser(timespan)
    .default(defaultMs, shown);
}

async function listMails({ env, terminal }: CommandContext, flags: MailsFlags): Promise<ExitCode> {
  const { to, state, limit } = flags;
  const now = new Date();
  const rows = openDatabase(env, (settings) => new PostgresFoundRows(settings));
  try {
    const from = new Date(now.getTime() - flags.since);
    const found = await askDatabase(() => rows.find({ to, state, limit, since: from }));
    const shown = found.map((row) => shownRow(row, flags.addresses));
    const isCut = shown.length === limit;
    terminal.result({ since: from.toISOString(), rows: shown, isCut }, () => {
      if (shown.length === 0) return 'There is no such mail.';
      const more = isCut ? `\nThere may be more: these are the newest ${limit}.` : '';
      return `${renderRows(terminal, shown, now)}${more}`;
    });
    return shown.length === 0 ? EXIT.warning : EXIT.ok;
  } finally {
    await rows.close();
  }
}

const POLL_INTERVAL_MS = 2_000;

/** A row is visible only when its transaction has ended, which is later than the time in it. */
const OVERLAP_MS = 10_000;

async function followOutcomes(context: CommandContext, flags: TailFlags): Promise<ExitCode> {
  const { env, terminal, signal } = context;
  const rows = openDatabase(env, (settings) => new PostgresFoundRows(settings));
  const known = new Map<string, number>();
  try {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const now = Date.now();
      const changed = await askDatabase(() =>
        rows.changed(new Date(now - flags.since), new Date(now - OVERLAP_MS)),
      );
      const fresh = changed.filter((row) => isNews(row, known));
      // What was there before is no news.
      if (isFirst) terminal.note('Following the outcomes; Ctrl-C ends it.');
      else for (const row of fresh) printOutcome(terminal, shownRow(row, flags.addresses), flags);
      forget(known, now);
      await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(() => {});
    }
    return EXIT.ok;
  } finally {
    await rows.close();
  }
}

/** Each change of a row once. */
function isNews({ id, updatedAt }: FoundRow, known: Map<string, number>): boolean {
  const time = updatedAt?.getTime() ?? 0;
  if (known.get(id) === time) return false;
  known.set(id, time);
  return true;
}

function forget(known: Map<string, number>, now: number): void {
  for (const [id, time] of known) if (time < now - 2 * OVERLAP_MS) known.delete(id);
}

function printOutcome(terminal: Terminal, row: ShownRow, { state }: TailFlags): void {
  if (state !== undefined && row.state !== state) return;
  const { id, provider, to, reason, updatedAt } = row;
  terminal.stream(
    row,
    () =>
      [
        (updatedAt ?? '').slice('yyyy-mm-ddT'.length, 'yyyy-mm-ddThh:mm:ss'.length),
        stateText(terminal, row.state.padEnd('delivered'.length)),
        provider ?? '-',
        id,
        to ?? '-',
        reason ?? '',
      ]
        .join('  ')
        .trimEnd(),
    'tail',
  );
}
