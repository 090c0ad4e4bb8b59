import { type Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { addressSchema } from '../../../domain/fallback-message.ts';
import type { SoftBouncePolicy } from '../../../domain/suppression.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
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
import { type AddressChange, type ChangeSurroundings, suppress, unsuppress } from './change-lists.ts';
import { renderChanges, renderListing, renderPreview, shownListing } from './render-lists.ts';

const EXAMPLES = `
Examples:
  mailctl suppression ls                                 who is suppressed, where and why; addresses masked
  mailctl suppression ls --addresses --json | jq -r '.addresses[].address'
  mailctl suppression ls marie@example.org               what both lists say of her
  mailctl suppression rm marie@example.org               her mailbox is back: off both lists, after a question
  mailctl --yes suppression add a@example.org b@example.org

The pipeline's own list holds for one stage. SES's list holds for the whole account in the Region, dev and prod alike.`;

const ADD_NOTES = `
The reason is "manual" in the pipeline's list. SES knows bounces and complaints alone: there it stands as BOUNCE.
In the sandbox SES takes none for its list; the pipeline's list has it then, and that is enough for its mails.

Exit codes: 0 both lists have them; 1 SES's list does not; 2 the pipeline's does not, or nothing was changed.`;

const REMOVE_NOTES = `
What happened up to now is forgiven, events that come late included; a bounce of tomorrow counts. Think twice with
a complaint: who called a mail spam and gets another costs the account its name.

Exit codes: 0 they are on neither list; 2 one of the lists still has some, or nothing was changed.`;

/** `mailctl suppression`: whom nothing is sent to. */
export function registerSuppression(program: Command, run: RunCommand): void {
  const suppression = program
    .command('suppression')
    .description("whom nothing is sent to: the pipeline's list and SES's own together")
    .addHelpText('after', EXAMPLES);
  registerList(suppression, run);
  registerChange(suppression, run, { name: 'add', what: 'send nothing more to addresses', notes: ADD_NOTES });
  registerChange(suppression, run, { name: 'rm', what: 'send to addresses again', notes: REMOVE_NOTES });
}

function registerList(suppression: Command, run: RunCommand): void {
  const command = suppression
    .command('ls')
    .description('who is suppressed, or what the lists say of some addresses')
    .argument('[address...]', 'only these, which are shown whole', collectAddress)
    .option('--addresses', 'show all addresses whole', false)
    .addHelpText('after', '\nExit codes: 0 both lists were asked; 1 one of them; 2 none.');
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
  /** All addresses are shown whole; those that were given are in any case. */
  readonly addresses: boolean;
}

/** Shows what both lists say: of these addresses or, without any, of all that are suppressed. */
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

/** Shows where the addresses stand, asks, and puts them on both lists. */
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

/** Shows where the addresses stand, asks, and takes them off both lists. */
async function removeAddresses(
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
