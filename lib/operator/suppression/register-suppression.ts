import { type Command, InvalidArgumentError } from 'commander';
import * as v from 'valibot';
import { addressSchema } from '../../message/envelope.ts';
import type { RunCommand } from '../command-context.ts';
import { addSoftBounceOptions, type SoftBounceOptions } from './soft-bounce-options.ts';
import type { ListOptions } from './suppression-commands.ts';

/** Loaded by who needs it: the clients of AWS would make `--help` slow. */
const commands = () => import('./suppression-commands.ts');

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
    run(async (context) => (await commands()).showLists(given, options, context)),
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
    run(async (context) => (await commands()).changeLists(name, given, options, context)),
  );
}

function collectAddress(text: string, before: readonly string[] = []): readonly string[] {
  const parsed = v.safeParse(addressSchema, text);
  if (!parsed.success) throw new InvalidArgumentError(`It has to be ${parsed.issues[0].message}.`);
  return [...before, parsed.output];
}
