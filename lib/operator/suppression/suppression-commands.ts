import type { SoftBouncePolicy } from '../../message/suppression.ts';
import type { CommandContext } from '../command-context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { addAddresses, removeAddresses } from './change-command.ts';
import { openSuppressionLists } from './open-suppression-lists.ts';
import { renderListing, shownListing } from './render-lists.ts';
import { type SoftBounceOptions, softBouncePolicyOf } from './soft-bounce-options.ts';
import { allListed, lookUp, type SuppressionLists } from './suppression-lists.ts';

export interface ListOptions extends SoftBounceOptions {
  /** All addresses are shown whole; those that were given are in any case. */
  readonly addresses: boolean;
}

/** Shows what both lists say: of these addresses or, without any, of all that are suppressed. */
export async function showLists(
  given: readonly string[],
  options: ListOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  const policy = softBouncePolicyOf(options);
  const lists = await listsOf(context, policy);
  const isLookUp = given.length > 0;
  const listing = isLookUp
    ? await lookUp(lists, given, new Date(), signal)
    : await allListed(lists, new Date(), signal);
  const shown = shownListing(listing, isLookUp || options.addresses);
  terminal.result(shown, () => renderListing(terminal, shown, policy));
  return [EXIT.ok, EXIT.warning][listing.unavailable.length] ?? EXIT.failed;
}

export async function changeLists(
  how: 'add' | 'rm',
  given: readonly string[],
  options: SoftBounceOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const lists = await listsOf(context, softBouncePolicyOf(options));
  return (how === 'add' ? addAddresses : removeAddresses)(given, lists, context);
}

async function listsOf(
  { aws, deployment, signal }: CommandContext,
  policy: SoftBouncePolicy,
): Promise<SuppressionLists> {
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  return openSuppressionLists(aws, outputs, policy);
}
