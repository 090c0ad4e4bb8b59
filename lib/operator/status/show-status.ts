import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { OperatorError } from '../operator-error.ts';
import { type SoftBounceOptions, softBouncePolicyOf } from '../suppression/soft-bounce-options.ts';
import { type DeliveryFacts, deliveryFacts } from './delivery-facts.ts';
import { openDeliverySources } from './open-delivery-sources.ts';
import { renderStory, shownStory } from './render-story.ts';
import { type DeliveryStory, tellDelivery } from './tell-delivery.ts';
import { unaskedPlaces } from './unasked-places.ts';

export interface StatusOptions extends SoftBounceOptions {
  /** Addresses are shown whole. */
  readonly addresses: boolean;
}

/** Tells the story of a delivery. @throws {@link OperatorError} where all were asked and nobody knows it */
export async function showStatus(
  id: string,
  options: StatusOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal, commands } = context;
  const { sources, close } = openDeliverySources(context, softBouncePolicyOf(options));
  try {
    const facts = await deliveryFacts(id, sources, signal);
    const story = tellDelivery(facts, new Date(), commands);
    const failures = failuresIn(facts);
    if (!story.known && unaskedPlaces(facts).length === 0) throw unknownDelivery(id);
    const shown = shownStory(facts, story, options.addresses);
    terminal.result(shown, () => renderStory(terminal, shown));
    return exitCodeOf(story, failures.length);
  } finally {
    await close();
  }
}

function exitCodeOf({ known, concerns }: DeliveryStory, failures: number): ExitCode {
  if (!known) return EXIT.failed;
  return concerns.length > 0 || failures > 0 ? EXIT.warning : EXIT.ok;
}

function failuresIn({ row, queue, letters, parts, suppressed }: DeliveryFacts) {
  const unasked = suppressed.kind === 'told' ? suppressed.value.unavailable : [];
  return [...[row, queue, letters, parts, suppressed].filter(({ kind }) => kind === 'failed'), ...unasked];
}

function unknownDelivery(id: string): OperatorError {
  return new OperatorError(
    'UNKNOWN_DELIVERY',
    `nobody knows a delivery ${id}`,
    'check the id, --stage and --project; the ledger forgets after 90 days',
  );
}
