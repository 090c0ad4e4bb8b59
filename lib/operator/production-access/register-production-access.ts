import { type Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import type { RunCommand } from '../command-context.ts';
import { contactSchema, LANGUAGES, websiteSchema } from './access-request.ts';
import type { RequestFlags } from './request-command.ts';

const NOTES = `
Shows whether the account is out of the sandbox, and how the review of a request stands, with its case at AWS Support.

Exit codes: 0 out of the sandbox; 1 not yet; what is to be done is said. 2 the account could not be asked.

Examples:
  mailctl production-access
  mailctl --json production-access | jq -r .state.kind       granted, pending, denied or sandbox`;

const REQUEST_NOTES = `
The text is drafted from what is deployed. Read it: it has to be true of your mail, too. It is shown whole, and filed
only after a yes. AWS takes one request: while it is under review, and after a denial, a second one is refused, and the
way on is a reply to the support case, whose number is shown.

Exit codes: 0 filed, written, or out of the sandbox already; 1 not filed, or still under review; 2 denied, or wrong.

Examples:
  mailctl production-access request --website https://keybuzz.io --daily-volume 20000
  mailctl production-access request --website https://keybuzz.io --draft-file request.txt
  mailctl production-access request --website https://keybuzz.io --text request.txt --contact ops@keybuzz.io
  mailctl --yes production-access request --website https://keybuzz.io`;

/** `mailctl production-access`: the way out of SES's sandbox. */
export function registerProductionAccess(program: Command, run: RunCommand): void {
  const access = program
    .command('production-access')
    .description("the way out of SES's sandbox: how it stands, and the request")
    .addHelpText('after', NOTES)
    .action(() =>
      run(async (context) => {
        const { runShowCommand } = await import('./show-command.ts');
        return runShowCommand(context);
      }),
    );
  addRequestOptions(access.command('request').description('draft the request, and file it on confirmation'), {
    needsWebsite: true,
  })
    .addOption(
      new Option('--language <language>', 'of the text and the answer').choices(LANGUAGES).default('EN'),
    )
    .option('--text <file>', 'an edited text in place of the draft')
    .addOption(new Option('--draft-file <file>', 'write the draft there, and file nothing').conflicts('text'))
    .addHelpText('after', REQUEST_NOTES)
    .action((flags: RequestFlags) =>
      run(async (context) => {
        const { runRequestCommand } = await import('./request-command.ts');
        return runRequestCommand(context, flags);
      }),
    );
}

/** What a request is made of that no deployment tells. */
export function addRequestOptions(
  command: Command,
  { needsWebsite }: { readonly needsWebsite: boolean },
): Command {
  return command
    .addOption(
      new Option('--website <url>', 'the public site of the product; AWS looks at it')
        .argParser(website)
        .makeOptionMandatory(needsWebsite),
    )
    .addOption(
      new Option('--contact <email...>', 'who hears of the review, too; up to 4')
        .argParser(contact)
        .default([], 'none'),
    )
    .option('--daily-volume <n>', 'mails a day that you expect at most', wholeNumber);
}

function website(text: string): string {
  return parsed(websiteSchema, text);
}

function contact(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parsed(contactSchema, text)];
}

function parsed(schema: v.GenericSchema<string, string>, text: string): string {
  const result = v.safeParse(schema, text, { abortPipeEarly: true });
  if (result.success) return result.output;
  throw new InvalidArgumentError(`It has to be ${result.issues[0].message}.`);
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d{1,9}$/.test(text) && number >= 1) return number;
  throw new InvalidArgumentError('It has to be a whole number, 1 or more.');
}
