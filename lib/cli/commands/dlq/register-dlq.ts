import { type Command, InvalidArgumentError, Option } from 'commander';
import { HOUR_MS } from '../../../common/time.ts';
import { systemClock } from '../../../ports/runtime.ts';
import type { RunCommand } from '../../context.ts';
import type { DeadLetterFilter } from '../../lookups/dead-letters.ts';
import { DROP_RECORD, operatorName } from '../../lookups/dlq/drop-dead-letters.ts';
import { duration, wholeNumber } from '../../number-flags.ts';
import { listDeadLetters } from './causes.ts';
import { drop } from './drop.ts';
import { redrive } from './redrive.ts';
import { showDeadLetters } from './show.ts';

const LOOKING = `
Read-only: dead letters are in flight during the scan, and released at the end, on Ctrl-C too.
After a kill they become visible again within a few minutes.`;

const EXIT_CODES = `
Exit codes: 0 all done; 1 some dead letters were left, or are in flight; 2 error, or no dead letter has
that id or cause.`;

/** `mailctl dlq`: the dead letters. */
export function registerDlq(program: Command, run: RunCommand): void {
  const dlq = program
    .command('dlq')
    .description('the dead letters: mail that could not be sent, and waits for an operator');
  registerLs(dlq, run);
  registerShow(dlq, run);
  registerRedrive(dlq, run);
  registerDrop(dlq, run);
}

function registerLs(dlq: Command, run: RunCommand): void {
  dlq
    .command('ls')
    .description('how many there are, by cause')
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq ls
  mailctl --stage prod --json dlq ls | jq '.data.causes[] | {cause, deadLetters}'
${LOOKING}
${EXIT_CODES}`,
    )
    .action(() => run((context) => listDeadLetters(context, systemClock)));
}

interface ShowOptions extends ChoiceOptions {
  readonly limit: number;
  readonly addresses: boolean;
  readonly body: boolean;
}

function registerShow(dlq: Command, run: RunCommand): void {
  const show = dlq
    .command('show')
    .description('show single dead letters: why they failed, and the headers of the mail')
    .argument('[id]', 'delivery ID or SQS message ID')
    .option('--cause <cause>', 'as listed by "dlq ls"')
    .option('--limit <n>', 'how many to show', wholeNumber(9_999_999), 5)
    .option('--addresses', 'show addresses unmasked', false)
    .option('--body', 'show the body of the mail, too', false)
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq show 8d2c7a90-4c3e-4a0e-9c5e-2f2f0a4b6c11
  mailctl dlq show --cause foreign-sender --limit 2
  mailctl dlq show --cause wrong-schema --body
${LOOKING}
${EXIT_CODES}`,
    );
  show.action((id: string | undefined, { cause, limit, addresses, body }: ShowOptions) => {
    const choice = choiceOf({
      ...(id === undefined ? {} : { id }),
      ...(cause === undefined ? {} : { cause }),
    });
    if (choice === undefined) return show.error('error: name an id, or a --cause');
    return run((context) =>
      showDeadLetters(context, { choice, limit, reveal: { addresses, body } }, systemClock),
    );
  });
}

interface RedriveOptions extends ChoiceOptions {
  readonly rate: number;
  readonly limit?: number;
  readonly extend?: number;
  readonly dryRun: boolean;
}

function registerRedrive(dlq: Command, run: RunCommand): void {
  const command = dlq
    .command('redrive')
    .description('move dead letters back to the fallback queue of their priority, to be sent')
    .option('--cause <cause>', 'those of this cause')
    .option('--id <id>', 'delivery ID or SQS message ID')
    .option('--all', 'all that can be read')
    .addOption(new Option('--rate <n/s>', 'how fast: 10/s, 30/min').argParser(parseRate).default(10, '10/s'))
    .option('--limit <n>', 'at most this many', wholeNumber(9_999_999))
    .option('--extend <hours>', 'new time to live of expired mail', duration({ unitMs: HOUR_MS, most: 999 }))
    .option('--dry-run', 'show what would be moved', false)
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq redrive --cause foreign-sender --dry-run
  mailctl dlq redrive --cause payload-missing --limit 10
  mailctl --yes dlq redrive --all --rate 30/min
  mailctl dlq redrive --cause expired --extend 24

Fix the cause first: otherwise the mail fails again, and comes back as a new dead letter.

Nothing is lost if the run is interrupted by Ctrl-C or kill -9: a dead letter is deleted only after the fallback
queue has confirmed its copy. So one may be in both queues for a while. It is the same mail with the same ID, and the
ledger of the resend Lambda prevents a second send. Run the command again to continue.

Not moved: dead letters that cannot be read; and expired mail, which the resend Lambda would only dead-letter again,
unless --extend gives it more hours.
${EXIT_CODES}`,
    );
  command.action(({ rate, limit, extend, dryRun, ...options }: RedriveOptions) => {
    const choice = choiceOf(options);
    if (choice === undefined) return command.error('error: give one of --cause, --id and --all');
    return run((context) =>
      redrive(context, { choice, limit, extendMs: extend, perSecond: rate, dryRun }, systemClock),
    );
  });
}

interface DropOptions extends ChoiceOptions {
  readonly because: string;
  readonly record: string;
}

function registerDrop(dlq: Command, run: RunCommand): void {
  const command = dlq
    .command('drop')
    .description('delete dead letters permanently, and record why')
    .option('--cause <cause>', 'those of this cause')
    .option('--id <id>', 'delivery ID or SQS message ID')
    .requiredOption('--because <text>', 'why they are not needed', parseReason)
    .option('--record <file>', 'file for the record, one JSON line each', DROP_RECORD)
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq drop --cause expired --because "OTPs of the outage of 3 May"
  mailctl dlq drop --id 8d2c7a90-4c3e-4a0e-9c5e-2f2f0a4b6c11 --because "sent by hand" --record /var/log/dropped.jsonl

Each dead letter is recorded before it is deleted: its IDs, cause, age, reason and who dropped it; no addresses, no
content.
${EXIT_CODES}`,
    );
  command.action(({ because, record, ...options }: DropOptions) => {
    const choice = choiceOf(options);
    if (choice === undefined) return command.error('error: give one of --cause and --id');
    const reason = { because, by: operatorName() };
    return run((context) => drop(context, { choice, reason, recordPath: record }, systemClock));
  });
}

/** Command line options that select dead letters. */
interface ChoiceOptions {
  readonly cause?: string;
  readonly id?: string;
  readonly all?: boolean;
}

/** Undefined unless exactly one option is given. */
function choiceOf({ cause, id, all }: ChoiceOptions): DeadLetterFilter | undefined {
  const filters: DeadLetterFilter[] = [];
  if (cause !== undefined) filters.push({ by: 'cause', cause });
  if (id !== undefined) filters.push({ by: 'id', id });
  if (all === true) filters.push({ by: 'all' });
  return filters.length === 1 ? filters[0] : undefined;
}

/** `10/s`, `10` or `30/min`, converted to a rate per second. */
function parseRate(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,5}(?:\.\d{1,3})?)(?:\/(s|min))?$/.exec(text) ?? [];
  const perSecond = Number(number) / (unit === 'min' ? 60 : 1);
  if (!(perSecond >= 1 / 60))
    throw new InvalidArgumentError('Give dead letters a second or a minute: 10/s, 30/min.');
  return perSecond;
}

function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Give a reason that explains it later.');
  return text.trim();
}
