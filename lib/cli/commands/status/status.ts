import type { Command } from 'commander';
import { type FoundRow, PostgresFoundRows } from '../../../adapters/postgres/found-rows.ts';
import { DAY_MS } from '../../../common/time.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import { askDatabase, databaseMissing, openDatabase } from '../../lookups/database.ts';
import { type DeliveryFacts, deliveryFacts } from '../../lookups/delivery-facts.ts';
import { openDeliverySources } from '../../lookups/delivery-sources.ts';
import { renderRows, shownRow } from '../../lookups/shown-rows.ts';
import {
  addSoftBounceOptions,
  type SoftBounceOptions,
  softBouncePolicyOf,
} from '../../lookups/suppression-lists.ts';
import {
  buildTimeline,
  type DeliveryTimeline,
  sourcesNotQueried,
} from '../../lookups/timeline/build-timeline.ts';
import { shownTimeline } from '../../lookups/timeline/shown-timeline.ts';
import { renderTimeline } from './render-timeline.ts';

const HELP = `
Examples:
  mailctl status reply-4711                          its timeline, addresses masked
  DATABASE_URL=postgresql://… mailctl status reply-4711 --addresses
  DATABASE_URL=postgresql://… mailctl status marie@example.org      the deliveries of a recipient, newest first
  mailctl --json status reply-4711 | jq '.data.events'

Sources: the row in outbound_deliveries (DATABASE_URL, or PGHOST and the other variables of psql; skipped without
them), the dead letters, the ledger with the SES events, and both suppression lists. Dead letters are received and
released. Mails in the fallback queues are only counted: receiving them would count as a try.

Exit codes: 0 no problem; 1 an operator should look: it is lost for a recipient, dead-lettered or held, has waited for
SES for 6 hours, or a source could not be queried; 2 no queried source knows it.`;

/** `mailctl status`: the timeline of one delivery. */
export function registerStatus(program: Command, run: RunCommand): void {
  const command = program
    .command('status')
    .description('show the timeline of one delivery')
    .argument(
      '<id>',
      'the delivery ID, as in its row and its envelope; or an address, to list its deliveries',
    )
    .option('--addresses', 'show addresses unmasked', false)
    .addHelpText('after', HELP);
  addSoftBounceOptions(command);
  command.action((id: string, options: StatusOptions) =>
    run(async (context) => {
      // The clients of AWS and the database would make `--help` slow.
      return showStatus(id, options, context);
    }),
  );
}

/** For an address: the ledger forgets after as long. */
const LISTED_MS = 90 * DAY_MS;
const MAX_LISTED = 50;

interface StatusOptions extends SoftBounceOptions {
  /** Show addresses unmasked. */
  readonly addresses: boolean;
}

/**
 * Shows the timeline of a delivery.
 *
 * @throws {@link OperatorError} if all sources were queried and none knows it
 */
async function showStatus(id: string, options: StatusOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const found = await deliveriesOf(id, context);
  if (found.length > 0) {
    const rows = found.map((row) => shownRow(row, options.addresses));
    terminal.result({ address: id, rows }, () => renderRows(terminal, rows, new Date()));
    return EXIT.ok;
  }
  const { sources, close } = openDeliverySources(context, softBouncePolicyOf(options));
  try {
    const facts = await deliveryFacts(id, sources, signal);
    const timeline = buildTimeline(facts, new Date(), commands);
    const failures = failuresIn(facts);
    if (!timeline.known && sourcesNotQueried(facts).length === 0) throw unknownDelivery(id);
    const shown = shownTimeline(facts, timeline, options.addresses);
    terminal.result(shown, () => renderTimeline(terminal, shown, new Date()));
    return exitCodeOf(timeline, failures.length);
  } finally {
    await close();
  }
}

/** Of an address; an id may look like one, and is looked up as an id if it is none. */
async function deliveriesOf(address: string, { env }: CommandContext): Promise<readonly FoundRow[]> {
  if (!/^[^\s@]+@[^\s@]+$/.test(address) || databaseMissing(env) !== undefined) return [];
  const rows = openDatabase(env, (settings) => new PostgresFoundRows(settings));
  try {
    const since = new Date(Date.now() - LISTED_MS);
    return (await askDatabase(() => rows.search({ to: address, from: since, limit: MAX_LISTED }))).rows;
  } finally {
    await rows.close();
  }
}

function exitCodeOf({ known, concerns }: DeliveryTimeline, failures: number): ExitCode {
  if (!known) return EXIT.failed;
  return concerns.length > 0 || failures > 0 ? EXIT.warning : EXIT.ok;
}

function failuresIn({ row, queue, deadLetters, parts, suppressed }: DeliveryFacts) {
  const failedLists = suppressed.kind === 'told' ? suppressed.value.unavailable : [];
  return [
    ...[row, queue, deadLetters, parts, suppressed].filter(({ kind }) => kind === 'failed'),
    ...failedLists,
  ];
}

function unknownDelivery(id: string): OperatorError {
  return new OperatorError(
    'UNKNOWN_DELIVERY',
    `there is no delivery ${id} in any place`,
    'check the id, --stage and --project; the ledger forgets after 90 days',
  );
}
