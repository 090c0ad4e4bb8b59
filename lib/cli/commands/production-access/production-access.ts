import { type Command, InvalidArgumentError, Option } from 'commander';
import * as v from 'valibot';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import {
  type AccessState,
  type AccountState,
  accessStateOf,
  readAccountState,
} from '../../lookups/sending-account.ts';
import { wholeNumber } from '../../number-flags.ts';
import type { Style, Terminal } from '../../terminal.ts';
import {
  type AccessRequest,
  contactSchema,
  deploymentFacts,
  draftUseCase,
  fileRequest,
  LANGUAGES,
  parseAccessRequest,
  readUseCase,
  websiteSchema,
  writeUseCase,
} from './access-request.ts';

const NOTES = `
Shows whether the account is out of the sandbox, and the review status of a request, with its AWS Support case.

Exit codes: 0 out of the sandbox; 1 not yet, with the next step; 2 the account could not be read.

Examples:
  mailctl production-access
  mailctl --json production-access | jq -r .data.state.kind       granted, pending, denied or sandbox`;

const REQUEST_NOTES = `
The text is drafted from the deployment. Review it: it must be true of your mail, too. It is shown in full, and filed
only after confirmation. AWS accepts one request: while it is under review, and after a denial, a second one is
refused; reply to the support case instead, whose number is shown.

Exit codes: 0 filed, written, or out of the sandbox already; 1 not filed, or still under review; 2 denied, or error.

Examples:
  mailctl production-access request --website https://example.org --daily-volume 20000
  mailctl production-access request --website https://example.org --draft-file request.txt
  mailctl production-access request --website https://example.org --text request.txt --contact ops@example.org
  mailctl --yes production-access request --website https://example.org`;

/** `mailctl production-access`: leaving the SES sandbox. */
export function registerProductionAccess(program: Command, run: RunCommand): void {
  const access = program
    .command('production-access')
    .description('leave the SES sandbox: show the status, or file the request')
    .addHelpText('after', NOTES)
    .action(() =>
      run(async (context) => {
        return runShowCommand(context);
      }),
    );
  addRequestOptions(access.command('request').description('draft the request, and file it on confirmation'), {
    needsWebsite: true,
  })
    .addOption(
      new Option('--language <language>', 'of the text and the reply').choices(LANGUAGES).default('EN'),
    )
    .option('--text <file>', 'use this text instead of the draft')
    .addOption(
      new Option('--draft-file <file>', 'write the draft to this file, and file nothing').conflicts('text'),
    )
    .addHelpText('after', REQUEST_NOTES)
    .action((flags: RequestFlags) =>
      run(async (context) => {
        return runRequestCommand(context, flags);
      }),
    );
}

/** Options for the parts of a request that the deployment does not know. */
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
      new Option('--contact <email...>', 'additional contacts for the review; up to 4')
        .argParser(contact)
        .default([], 'none'),
    )
    .option('--daily-volume <n>', 'expected maximum of mails per day', wholeNumber(999_999_999));
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

export interface RequestFlags {
  readonly website: string;
  readonly contact: readonly string[];
  readonly dailyVolume?: number;
  readonly language: (typeof LANGUAGES)[number];
  /** File with the text to use instead of the draft. */
  readonly text?: string;
  /** File to write the draft to; nothing is filed then. */
  readonly draftFile?: string;
}

interface RequestOutcome {
  /** True if AWS now has the request. */
  readonly filed: boolean;
  readonly state: AccessState;
}

/** `mailctl production-access request`. */
export async function runRequestCommand(context: CommandContext, flags: RequestFlags): Promise<ExitCode> {
  const { terminal } = context;
  const request = await prepareRequest(context, flags);
  if (flags.draftFile !== undefined) {
    await writeUseCase(flags.draftFile, request.useCase);
    const file = `production-access request --website ${flags.website} --text ${flags.draftFile}`;
    const next = `edit it, then: ${context.commands.mailctl(file)}`;
    terminal.result(
      { draftFile: flags.draftFile, request },
      () => `${flags.draftFile} written\n  next: ${next}`,
    );
    return EXIT.ok;
  }
  const { filed, state } = await askAndFile(context, request);
  terminal.result({ filed, state, request }, () => renderState(terminal, state));
  if (filed || state.kind === 'granted') return EXIT.ok;
  return state.kind === 'denied' ? EXIT.failed : EXIT.warning;
}

/** Drafts the text from the deployment, or reads it from a file. @throws {@link OperatorError} */
async function prepareRequest(
  context: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>,
  { website, contact: contacts, dailyVolume, language, text }: RequestFlags,
): Promise<AccessRequest> {
  if (text === undefined && language !== 'EN') {
    const fix = 'write it in that language and give it by --text FILE';
    throw new OperatorError('NO_DRAFT', `there is no draft in ${language}`, fix);
  }
  const useCase =
    text === undefined ? await draft(context, { website, dailyVolume }) : await readUseCase(text);
  return parseAccessRequest({ website, contacts: [...contacts], language, useCase });
}

async function draft(
  context: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>,
  flags: { readonly website: string; readonly dailyVolume: number | undefined },
): Promise<string> {
  const facts = await deploymentFacts(context);
  const { suppressedReasons } = await readAccountState(await context.aws.ses(), context.signal);
  return draftUseCase({ ...facts, ...flags, suppressedReasons });
}

/** Shows the full request, and files it on confirmation, if AWS would accept one. */
async function askAndFile(
  { aws, terminal, signal }: Pick<CommandContext, 'aws' | 'terminal' | 'signal'>,
  request: AccessRequest,
): Promise<RequestOutcome> {
  const ses = await aws.ses();
  const read = async () => accessStateOf(await readAccountState(ses, signal));
  const before = await read();
  terminal.note(renderRequest(terminal, request));
  if (before.kind !== 'sandbox') return { filed: false, state: before };
  if (!(await terminal.confirm('File this request with AWS?'))) {
    const fix = 'answer y, or give --yes if no terminal can answer; nothing was filed';
    return { filed: false, state: { ...before, fix } };
  }
  const filing = await fileRequest(ses, request, signal);
  const after = await read();
  if (filing === 'filed') return { filed: true, state: after };
  // There is an earlier request, even if the account state does not show it.
  return { filed: false, state: after.kind === 'sandbox' ? refused(after) : after };
}

function refused({ detail }: AccessState): AccessState {
  const fix =
    'look for the case of the request that was made before at https://support.console.aws.amazon.com/support/home and reply to it';
  return { kind: 'denied', detail: `${detail}; AWS takes no second request (ConflictException)`, fix };
}

/** `mailctl production-access`. */
async function runShowCommand({ aws, terminal, signal }: CommandContext): Promise<ExitCode> {
  const account = await readAccountState(await aws.ses(), signal);
  const state = accessStateOf(account);
  terminal.result({ ...account, state }, () => renderAccount(terminal, account, state));
  return state.kind === 'granted' ? EXIT.ok : EXIT.warning;
}

const STYLES: Readonly<Record<AccessState['kind'], Style>> = {
  granted: 'green',
  pending: 'yellow',
  sandbox: 'yellow',
  denied: 'red',
};

function renderState(terminal: Terminal, state: AccessState): string {
  const line = `${terminal.paint(STYLES[state.kind], state.kind)}: ${state.detail}`;
  return 'fix' in state ? `${line}\n  next: ${state.fix}` : line;
}

function renderAccount(terminal: Terminal, account: AccountState, state: AccessState): string {
  const { sendingEnabled, enforcement, quota, review, told: submitted } = account;
  const { perDay, perSecond, sentInLastDay } = quota;
  // -1 means no limit.
  const most = perDay < 0 ? 'without a limit' : `of ${perDay}`;
  const reviewed = review === undefined ? 'none' : `${review.status}, case ${review.caseId ?? 'unknown'}`;
  const rows = [
    ['sending', `${sendingEnabled ? 'enabled' : 'paused'}, the account is ${enforcement}`],
    ['quota', `${sentInLastDay} ${most} sent in 24 hours; ${perSecond} a second`],
    ['last request', reviewed],
    ...(submitted === undefined ? [] : [['website', submitted.website ?? 'none']]),
    ...(submitted === undefined || submitted.contacts.length === 0
      ? []
      : [['contacts', submitted.contacts.join(', ')]]),
  ];
  return `${renderState(terminal, state)}\n\n${terminal.table(['item', 'status'], rows)}`;
}

/** In full, including the contacts: exactly what AWS gets. */
function renderRequest(terminal: Terminal, request: AccessRequest): string {
  const { website, language, contacts, useCase } = request;
  return [
    terminal.paint('bold', 'The request for production access'),
    `  mail type  TRANSACTIONAL`,
    `  website    ${website}`,
    `  language   ${language}`,
    `  contacts   ${contacts.length === 0 ? 'the address of the account alone' : contacts.join(', ')}`,
    `  use case   (${useCase.length} characters)`,
    '',
    useCase,
    '',
  ].join('\n');
}
