import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { OperatorError } from '../operator-error.ts';
import type { Terminal } from '../terminal.ts';
import { type AddressChange, type ChangeSurroundings, suppress, unsuppress } from './change-lists.ts';
import { renderChanges, renderPreview } from './render-lists.ts';
import { type ListedAddress, type Listing, lookUp, type SuppressionLists } from './suppression-lists.ts';

type Surroundings = Pick<CommandContext, 'terminal' | 'signal' | 'commands'>;

/** Shows where the addresses stand, asks, and puts them on both lists. */
export async function addAddresses(
  given: readonly string[],
  lists: SuppressionLists,
  context: Surroundings,
): Promise<ExitCode> {
  const now = new Date();
  const listing = await lookUp(lists, given, now, context.signal);
  const ask = (count: string) => `Put ${count} on the pipeline's list, and on SES's as BOUNCE?`;
  const changes = await confirmed(listing, listing.addresses, { ask, change: suppress, lists, now }, context);
  if (changes.some(({ pipeline }) => pipeline.kind === 'failed')) return EXIT.failed;
  return changes.some(({ ses }) => ses.kind === 'failed') ? EXIT.warning : EXIT.ok;
}

/** Shows where the addresses stand, asks, and takes them off both lists. */
export async function removeAddresses(
  given: readonly string[],
  lists: SuppressionLists,
  context: Surroundings,
): Promise<ExitCode> {
  const now = new Date();
  const listing = await lookUp(lists, given, now, context.signal);
  // A list that did not answer may have any of them.
  const isEither = ({ pipeline, ses }: ListedAddress) => pipeline !== undefined || ses !== undefined;
  const listed = listing.unavailable.length > 0 ? listing.addresses : listing.addresses.filter(isEither);
  const ask = (count: string) => `Take ${count} off both lists?`;
  const changes = await confirmed(listing, listed, { ask, change: unsuppress, lists, now }, context);
  return changes.some((change) => [change.pipeline, change.ses].some(({ kind }) => kind === 'failed'))
    ? EXIT.failed
    : EXIT.ok;
}

interface Change {
  readonly ask: (count: string) => string;
  readonly change: (
    listed: readonly ListedAddress[],
    surroundings: ChangeSurroundings,
  ) => Promise<AddressChange[]>;
  readonly lists: SuppressionLists;
  readonly now: Date;
}

/** @throws {@link OperatorError} where the answer is no */
async function confirmed(
  listing: Listing,
  listed: readonly ListedAddress[],
  { ask, change, lists, now }: Change,
  { terminal, signal, commands }: Surroundings,
): Promise<readonly AddressChange[]> {
  terminal.note(`${renderPreview(terminal, listing)}\n`);
  const count = listed.length === 1 ? '1 address' : `${listed.length} addresses`;
  if (listed.length > 0 && !(await terminal.confirm(ask(count)))) {
    throw new OperatorError('NOT_CONFIRMED', 'nothing was changed', 'answer with y, or give --yes');
  }
  const changes = await watched(terminal, listed.length, (onDone) =>
    change(listed, { lists, now, signal, commands, onDone }),
  );
  terminal.result({ addresses: changes }, () => renderResult(terminal, changes));
  return changes;
}

async function watched<Result>(
  terminal: Terminal,
  total: number,
  work: (onDone: (done: number) => void) => Promise<Result>,
): Promise<Result> {
  const progress = terminal.progress('changing', total);
  try {
    return await work((done) => progress.set(done));
  } finally {
    progress.stop();
  }
}

function renderResult(terminal: Terminal, changes: readonly AddressChange[]): string {
  return changes.length === 0 ? 'There is nothing to change.' : renderChanges(terminal, changes);
}
