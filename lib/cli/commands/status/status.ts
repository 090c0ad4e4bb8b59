import type { Command } from 'commander';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import { type DeliveryFacts, deliveryFacts } from '../../lookups/delivery-facts.ts';
import { openDeliverySources } from '../../lookups/delivery-sources.ts';
import {
  addSoftBounceOptions,
  type SoftBounceOptions,
  softBouncePolicyOf,
} from '../../lookups/suppression-lists.ts';
import { renderTimeline, shownTimeline } from './render-timeline.ts';
import { buildTimeline, type DeliveryTimeline, sourcesNotQueried } from './timeline.ts';

const HELP = `
Examples:
  mailctl status reply-4711                          what became of it, addresses masked
  DATABASE_URL=postgresql://… mailctl status reply-4711 --addresses
  mailctl --json status reply-4711 | jq '.events'

The story is put together from the row in outbound_deliveries (DATABASE_URL, or PGHOST and its kin; without them it
is left out), the dead letters, the ledger with what SES's events told, and both suppression lists. The dead letters
are looked at and given back. Mails that wait in the fallback queue are counted only: a look would count as a try.

Exit codes: 0 nothing is wrong with it; 1 a person should look: it is lost for a recipient, parked or held, has waited
for SES for 6 hours, or one of the places could not be asked; 2 nobody who was asked knows it.`;

/** `mailctl status`: the whole story of one delivery. */
export function registerStatus(program: Command, run: RunCommand): void {
  const command = program
    .command('status')
    .description('the whole story of one delivery, in order of time')
    .argument('<id>', 'the id of the delivery: that of its row, and of its envelope')
    .option('--addresses', 'show addresses whole', false)
    .addHelpText('after', HELP);
  addSoftBounceOptions(command);
  command.action((id: string, options: StatusOptions) =>
    run(async (context) => {
      // The clients of AWS and the database would make `--help` slow.
      return showStatus(id, options, context);
    }),
  );
}

interface StatusOptions extends SoftBounceOptions {
  /** Addresses are shown whole. */
  readonly addresses: boolean;
}

/** Tells the story of a delivery. @throws {@link OperatorError} where all were asked and nobody knows it */
async function showStatus(id: string, options: StatusOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const { sources, close } = openDeliverySources(context, softBouncePolicyOf(options));
  try {
    const facts = await deliveryFacts(id, sources, signal);
    const story = buildTimeline(facts, new Date(), commands);
    const failures = failuresIn(facts);
    if (!story.known && sourcesNotQueried(facts).length === 0) throw unknownDelivery(id);
    const shown = shownTimeline(facts, story, options.addresses);
    terminal.result(shown, () => renderTimeline(terminal, shown));
    return exitCodeOf(story, failures.length);
  } finally {
    await close();
  }
}

function exitCodeOf({ known, concerns }: DeliveryTimeline, failures: number): ExitCode {
  if (!known) return EXIT.failed;
  return concerns.length > 0 || failures > 0 ? EXIT.warning : EXIT.ok;
}

function failuresIn({ row, queue, deadLetters, parts, suppressed }: DeliveryFacts) {
  const unasked = suppressed.kind === 'told' ? suppressed.value.unavailable : [];
  return [
    ...[row, queue, deadLetters, parts, suppressed].filter(({ kind }) => kind === 'failed'),
    ...unasked,
  ];
}

function unknownDelivery(id: string): OperatorError {
  return new OperatorError(
    'UNKNOWN_DELIVERY',
    `nobody knows a delivery ${id}`,
    'check the id, --stage and --project; the ledger forgets after 90 days',
  );
}
