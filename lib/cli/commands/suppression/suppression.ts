import { type Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { addressSchema } from '../../../domain/fallback-message.ts';
import type { SoftBouncePolicy } from '../../../domain/suppression.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import {
  type AddressChange,
  type ChangeSurroundings,
  suppress,
  unsuppress,
} from '../../lookups/change-suppression.ts';
import {
  addSoftBounceOptions,
  allListed,
  type ListedAddress,
  type Listing,
  lookUp,
  openSuppressionLists,
  type SoftBounceOptions,
  type SuppressionLists,
  softBouncePolicyOf,
} from '../../lookups/suppression-lists.ts';
import type { Terminal } from '../../terminal.ts';
import { renderChanges, renderListing, renderPreview, shownListing } from './render-lists.ts';

const EXAMPLES = `
Examples:
  mailctl suppression ls                                 suppressed addresses, where and why; masked
  mailctl suppression ls --addresses --json | jq -r '.data.addresses[].address'
  mailctl suppression ls marie@example.org               her entries in both lists
  mailctl suppression rm marie@example.org               her mailbox works again: remove from both lists
  mailctl --yes suppression add a@example.org b@example.org

The pipeline's own list applies to one stage. SES's list applies to the whole account in the Region, dev and prod.`;

const ADD_NOTES = `
The reason is "manual" in the pipeline's list. SES has only bounces and complaints: there it is BOUNCE.
In the sandbox SES rejects changes to its list; the pipeline's list is enough for the pipeline's mail.

Exit codes: 0 both lists have them; 1 SES's list does not; 2 the pipeline's does not, or nothing was changed.`;

const REMOVE_NOTES = `
Bounces and complaints up to now no longer count, including events that arrive late; later ones do. Be careful with
complaints: sending again to a recipient who reported spam harms the reputation of the account.

Exit codes: 0 they are on neither list; 2 one of the lists still has some, or nothing was changed.`;

/** `mailctl suppression`: suppressed recipients. */
export function registerSuppression(program: Command, run: RunCommand): void {
  const suppression = program
    .command('suppression')
    .description("suppressed recipients, in the pipeline's list and in SES's account-level list")
    .addHelpText('after', EXAMPLES);
  registerList(suppression, run);
  registerChange(suppression, run, {
    name: 'add',
    what: 'suppress addresses in both lists',
    notes: ADD_NOTES,
  });
  registerChange(suppression, run, {
    name: 'rm',
    what: 'remove addresses from both lists',
    notes: REMOVE_NOTES,
  });
}

function registerList(suppression: Command, run: RunCommand): void {
  const command = suppression
    .command('ls')
    .description('list suppressed addresses, or look up some addresses')
    .argument('[address...]', 'only these addresses, shown unmasked', collectAddress)
    .option('--addresses', 'show all addresses unmasked', false)
    .addHelpText('after', '\nExit codes: 0 both lists were queried; 1 only one of them; 2 none.');
  addSoftBounceOptions(command);
  command.action((given: readonly string[] = [], options: ListOptions) =>
    run((context) => showLists(given, options, context)),
  );
}

function registerChange(
  suppression: Command,
  run: RunCommand,
  { name, what, notes }: { readonly name: 'add' | 'rm'; readonly what: string; readonly notes: string },
): void {
  const command = suppression
    .command(name)
    .description(what)
    .argument('<address...>', 'bare addresses', collectAddress)
    .addHelpText('after', notes);
  addSoftBounceOptions(command);
  command.action((given: readonly string[], options: SoftBounceOptions) =>
    run((context) => changeLists(name, given, options, context)),
  );
}

function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  const parsed = v.safeParse(addressSchema, text);
  if (!parsed.success) throw new InvalidArgumentError(`It has to be ${parsed.issues[0].message}.`);
  return [...before, parsed.output];
}

interface ListOptions extends SoftBounceOptions {
  /** Show all addresses unmasked; addresses given as arguments always are. */
  readonly addresses: boolean;
}

/** Shows the entries of both lists: of the given addresses or, without any, of all suppressed ones. */
async function showLists(
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

async function changeLists(
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

type Surroundings = Pick<CommandContext, 'terminal' | 'signal' | 'commands'>;

/** Shows the current entries, asks for confirmation, and adds the addresses to both lists. */
async function addAddresses(
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

/** Shows the current entries, asks for confirmation, and removes the addresses from both lists. */
async function removeAddresses(
  given: readonly string[],
  lists: SuppressionLists,
  context: Surroundings,
): Promise<ExitCode> {
  const now = new Date();
  const listing = await lookUp(lists, given, now, context.signal);
  // A list that did not respond may have any of them.
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

/** @throws {@link OperatorError} if not confirmed */
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
