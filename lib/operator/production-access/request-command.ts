import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { OperatorError } from '../operator-error.ts';
import { type AccessRequest, type LANGUAGES, parseAccessRequest } from './access-request.ts';
import { type AccessState, accessStateOf } from './access-state.ts';
import { readStanding } from './account-standing.ts';
import { deploymentFacts } from './deployment-facts.ts';
import { draftUseCase } from './draft-use-case.ts';
import { fileRequest } from './file-request.ts';
import { renderRequest, renderState } from './render-access.ts';
import { readUseCase, writeUseCase } from './use-case-file.ts';

export interface RequestFlags {
  readonly website: string;
  readonly contact: readonly string[];
  readonly dailyVolume?: number;
  readonly language: (typeof LANGUAGES)[number];
  /** What goes in place of the draft. */
  readonly text?: string;
  /** Where the draft goes; nothing is filed then. */
  readonly draftFile?: string;
}

interface RequestOutcome {
  /** True where AWS has the request now. */
  readonly filed: boolean;
  readonly state: AccessState;
}

/** `mailctl production-access request`. */
export async function runRequestCommand(context: CommandContext, flags: RequestFlags): Promise<ExitCode> {
  const { terminal } = context;
  const request = await prepareRequest(context, flags);
  if (flags.draftFile !== undefined) {
    await writeUseCase(flags.draftFile, request.useCase);
    const next = `edit it, then: mailctl production-access request --website ${flags.website} --text ${flags.draftFile}`;
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

/** The draft of what is deployed, or the text of a file. @throws {@link OperatorError} */
async function prepareRequest(
  context: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>,
  { website, contact: contacts, dailyVolume, language, text }: RequestFlags,
): Promise<AccessRequest> {
  if (text === undefined && language !== 'EN') {
    const mend = 'write it in that language and give it by --text FILE';
    throw new OperatorError('NO_DRAFT', `there is no draft in ${language}`, mend);
  }
  const useCase =
    text === undefined ? await draft(context, { website, dailyVolume }) : await readUseCase(text);
  return parseAccessRequest({ website, contacts: [...contacts], language, useCase });
}

async function draft(
  context: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>,
  asked: { readonly website: string; readonly dailyVolume: number | undefined },
): Promise<string> {
  const facts = await deploymentFacts(context);
  const { suppressedReasons } = await readStanding(await context.aws.ses(), context.signal);
  return draftUseCase({ ...facts, ...asked, suppressedReasons });
}

/** Shows the request whole, and files it on confirmation, where AWS would take one. */
async function askAndFile(
  { aws, terminal, signal }: Pick<CommandContext, 'aws' | 'terminal' | 'signal'>,
  request: AccessRequest,
): Promise<RequestOutcome> {
  const ses = await aws.ses();
  const read = async () => accessStateOf(await readStanding(ses, signal));
  const before = await read();
  terminal.note(renderRequest(terminal, request));
  if (before.kind !== 'sandbox') return { filed: false, state: before };
  if (!(await terminal.confirm('File this request with AWS?'))) {
    const mend = 'answer y, or give --yes where nobody can answer; nothing was filed';
    return { filed: false, state: { ...before, mend } };
  }
  const filing = await fileRequest(ses, request, signal);
  const after = await read();
  if (filing === 'filed') return { filed: true, state: after };
  // AWS says that there is one, whatever it tells of the account.
  return { filed: false, state: after.kind === 'sandbox' ? refused(after) : after };
}

function refused({ detail }: AccessState): AccessState {
  const mend =
    'look for the case of the request that was made before at https://support.console.aws.amazon.com/support/home and reply to it';
  return { kind: 'denied', detail: `${detail}; AWS takes no second request (ConflictException)`, mend };
}
