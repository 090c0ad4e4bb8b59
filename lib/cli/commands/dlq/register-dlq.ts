import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { HOUR_MS } from '../../../common/time.ts';
import { systemClock } from '../../../ports/runtime.ts';
import type { RunCommand } from '../../context.ts';
import type { DeadLetterFilter } from '../../lookups/dead-letters.ts';
import { listDeadLetters } from './causes.ts';
import { drop } from './drop.ts';
import { redrive } from './redrive.ts';
import { showDeadLetters } from './show.ts';

const LOOKING = `
Looking takes nothing away: letters are held while they are looked at, and given back at the end, with Ctrl-C too.
After a kill they come back by themselves within a few minutes.`;

const EXIT_CODES = `
Exit codes: 0 all done; 1 some letters were left, or are out of sight; 2 failed, or no letter is of
that id or cause.`;

/** `mailctl dlq`: the dead letters. */
export function registerDlq(program: Command, run: RunCommand): void {
  const dlq = program
    .command('dlq')
    .description('the dead letters: mail that could not be sent, and waits for a person');
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
  mailctl --stage prod --json dlq ls | jq '.causes[] | {cause, letters}'
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
    .description('letters one by one: why they are here, and the header section of the mail')
    .argument('[id]', 'of the delivery, or of the message in the queue')
    .option('--cause <cause>', 'as "dlq ls" names it')
    .option('--limit <n>', 'how many to show', parseCount, 5)
    .option('--addresses', 'whole addresses, which are masked otherwise', false)
    .option('--body', 'the body of the mail, too', false)
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq show 8d2c7a90-4c3e-4a0e-9c5e-2f2f0a4b6c11
  mailctl dlq show --cause foreign-sender --limit 2
  mailctl dlq show --cause unreadable --body
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
    .description('puts letters back into the fallback queue, to be sent')
    .option('--cause <cause>', 'those of this cause')
    .option('--id <id>', 'those of this delivery, or this message of the queue')
    .option('--all', 'all that can be read')
    .addOption(new Option('--rate <n/s>', 'how fast: 10/s, 30/min').argParser(parseRate).default(10, '10/s'))
    .option('--limit <n>', 'no more than so many', parseCount)
    .option('--extend <hours>', 'gives expired mail so much time again', parseHours)
    .option('--dry-run', 'show what would be moved', false)
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq redrive --cause foreign-sender --dry-run
  mailctl dlq redrive --cause payload-missing --limit 10
  mailctl --yes dlq redrive --all --rate 30/min
  mailctl dlq redrive --cause expired --extend 24

Fix the cause first: what is not fixed fails again, and comes back as a new letter.

Nothing is lost on the way, whenever it ends, by Ctrl-C or by kill -9: a letter is deleted only after the fallback
queue has confirmed its copy. So one may be in both queues for a while. It is the same mail under the same id, and the
ledger of the resend Lambda keeps it from being sent twice. Run the command again: it goes on with what is left.

Left where they are: letters that nobody can read; and mail that has expired, which the resend Lambda would only park
again, unless --extend says how many hours more it is of use.
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
    .description('deletes letters for good, and writes down why')
    .option('--cause <cause>', 'those of this cause')
    .option('--id <id>', 'those of this delivery, or this message of the queue')
    .requiredOption('--because <text>', 'why nobody needs them', parseReason)
    .option('--record <file>', 'where to write them down, one JSON line each', 'dropped-letters.jsonl')
    .addHelpText(
      'after',
      `
Examples:
  mailctl dlq drop --cause expired --because "OTPs of the outage of 3 May"
  mailctl dlq drop --id 8d2c7a90-4c3e-4a0e-9c5e-2f2f0a4b6c11 --because "sent by hand" --record /var/log/dropped.jsonl

Each letter is in the record before it is deleted: its ids, cause, age, reason and who dropped it; no address, no
content.
${EXIT_CODES}`,
    );
  command.action(({ because, record, ...options }: DropOptions) => {
    const choice = choiceOf(options);
    if (choice === undefined) return command.error('error: give one of --cause and --id');
    const reason = { because, by: userName() };
    return run((context) => drop(context, { choice, reason, recordPath: record }, systemClock));
  });
}

/** A container may run under a number without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unnamed';
  }
}

/** What of the command line says which letters are meant. */
interface ChoiceOptions {
  readonly cause?: string;
  readonly id?: string;
  readonly all?: boolean;
}

/** Undefined where it says nothing, or more than one thing. */
function choiceOf({ cause, id, all }: ChoiceOptions): DeadLetterFilter | undefined {
  const said: DeadLetterFilter[] = [];
  if (cause !== undefined) said.push({ by: 'cause', cause });
  if (id !== undefined) said.push({ by: 'id', id });
  if (all === true) said.push({ by: 'all' });
  return said.length === 1 ? said[0] : undefined;
}

/** `10/s`, `10` or `30/min`, as letters a second. */
function parseRate(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,5}(?:\.\d{1,3})?)(?:\/(s|min))?$/.exec(text) ?? [];
  const perSecond = Number(number) / (unit === 'min' ? 60 : 1);
  if (!(perSecond >= 1 / 60))
    throw new InvalidArgumentError('Give letters a second or a minute: 10/s, 30/min.');
  return perSecond;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a whole number, at least 1.');
  return Number(text);
}

/** Hours, in milliseconds. */
function parseHours(text: string): number {
  const hours = /^\d{1,3}(?:\.\d{1,2})?$/.test(text) ? Number(text) : 0;
  if (hours <= 0) throw new InvalidArgumentError('Give hours, more than 0: 24.');
  return hours * HOUR_MS;
}

function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Give a reason that tells somebody why, later.');
  return text.trim();
}
