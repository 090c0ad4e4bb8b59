import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FoundRow, PostgresFoundRows } from '../../adapters/postgres/found-rows.ts';
import type { RowPlace } from '../../adapters/postgres/row-search.ts';
import { HOUR_MS } from '../../common/time.ts';
import { ROW_STATES, type RowState } from '../../domain/delivery-filter.ts';
import { FAILURE_CLASSES, type FailureClass } from '../../domain/failure.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { askDatabase, openDatabase } from '../lookups/database.ts';
import { formatMailCursor, parseMailCursor } from '../lookups/mail-cursor.ts';
import { renderRows, type ShownRow, shownRow, stateText } from '../lookups/shown-rows.ts';
import { timespan, wholeNumber } from '../number-flags.ts';
import type { Terminal } from '../terminal.ts';

const MAILS_NOTES = `
Reads outbound_deliveries through DATABASE_URL, or PGHOST and the other variables of psql. All flags together have to be
true of a mail. A recipient is found as To, Cc or Bcc, and by the reported statuses; only the whole address counts. In
place of an id, a Message-ID is found as well, with or without its angle brackets and its domain: the one that the mail
was composed with, and the one that SES gave it, to which replies refer. If there is neither, the mails whose id begins so. A time is like 2026-05-04, in UTC, or 2026-05-04T10:30:00+02:00.

The last line says how to go on to the next page.

Exit codes: 0 there are such mails; 1 there is none; 2 error.

Examples:
  mailctl mails --to marie@example.org
  mailctl mails --id '<0102018f-…@eu-west-1.amazonses.com>'      the mail that a reply answers
  mailctl mails --tenant shop-7 --class tls --since 2h
  mailctl mails --from 2026-05-04 --until 2026-05-05 --state failed
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
  readonly id?: string;
  readonly tenant?: string;
  readonly state?: RowState;
  readonly class?: FailureClass;
  readonly since?: number;
  readonly from?: Date;
  readonly until?: Date;
  readonly limit: number;
  readonly cursor?: RowPlace;
  readonly addresses: boolean;
}

interface TailFlags {
  readonly since: number;
  readonly state?: RowState;
  readonly addresses: boolean;
}

/** `mailctl mails`: the deliveries of the outbox. */
export function registerMails(program: Command, run: RunCommand): void {
  program
    .command('mails')
    .description('list deliveries of the outbox, newest first')
    .option('--to <address>', 'only those to this recipient', notEmpty)
    .option('--id <id>', 'only the one with this id or Message-ID, or those whose id begins so', notEmpty)
    .option('--tenant <tenant>', 'only those of this tenant')
    .addOption(inState())
    .addOption(
      new Option('--class <class>', 'only those that SMTP last failed to take for this reason').choices(
        FAILURE_CLASSES,
      ),
    )
    .addOption(since().conflicts('from'))
    .option('--from <time>', 'created then or later', moment)
    .option('--until <time>', 'created before', moment)
    .option('--limit <number>', 'at most so many on a page', wholeNumber(MAX_ROWS), DEFAULT_ROWS)
    .option('--cursor <cursor>', 'the next page, as the page before names it', cursor)
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', MAILS_NOTES)
    .action((flags: MailsFlags) => run((context) => listMails(context, flags)));
}

/** `mailctl tail`: their outcomes as they come. */
export function registerTail(program: Command, run: RunCommand): void {
  program
    .command('tail')
    .description('follow the outcomes of deliveries as they come')
    .addOption(since().default(HOUR_MS, '1h'))
    .addOption(inState())
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', TAIL_NOTES)
    .action((flags: TailFlags) => run((context) => followOutcomes(context, flags)));
}

function inState(): Option {
  return new Option('--state <state>', 'only those in this state').choices(ROW_STATES);
}

function since(): Option {
  return new Option('--since <time>', 'created within this time, such as 30m, 2h or 7d').argParser(timespan);
}

function notEmpty(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

function moment(text: string): Date {
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
    ? new Date(text)
    : undefined;
  if (time !== undefined && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('It has to be a time such as 2026-05-04 or 2026-05-04T10:30:00+02:00.');
}

function cursor(text: string): RowPlace {
  const place = parseMailCursor(text);
  if (place !== undefined) return place;
  throw new InvalidArgumentError('It has to be the one that the page before named.');
}

async function listMails({ env, terminal }: CommandContext, flags: MailsFlags): Promise<ExitCode> {
  const now = new Date();
  const rows = openDatabase(env, (settings) => new PostgresFoundRows(settings));
  try {
    const from = flags.since === undefined ? flags.from : new Date(now.getTime() - flags.since);
    const { rows: found, next } = await askDatabase(() =>
      rows.search({
        to: flags.to,
        id: flags.id,
        tenantId: flags.tenant,
        state: flags.state,
        failureClass: flags.class,
        from,
        until: flags.until,
        after: flags.cursor,
        limit: flags.limit,
      }),
    );
    const shown = found.map((row) => shownRow(row, flags.addresses));
    const cursor = next === undefined ? null : formatMailCursor(next);
    terminal.result({ rows: shown, cursor }, () => {
      if (shown.length === 0) return 'There is no such mail.';
      const more = cursor === null ? '' : `\nThere are more. The next page: the same with --cursor ${cursor}`;
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
