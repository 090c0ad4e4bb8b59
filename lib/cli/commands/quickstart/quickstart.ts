import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import { addDnsServerOptions } from '../../lookups/dns/dns-server-options.ts';
import { duration } from '../../number-flags.ts';
import { type Style, Terminal } from '../../terminal.ts';
import {
  type OtherCommands,
  type QuickstartContext,
  type QuickstartOptions,
  type QuickstartStep,
  STEP_NAMES,
  type StepName,
} from './step.ts';
import { BOOTSTRAP, DEPLOY } from './steps/deploy.ts';
import { DNS, VERIFICATION } from './steps/dns.ts';
import { DOCTOR, FIRST_MAIL, PRODUCTION_ACCESS } from './steps/first-mail.ts';
import { SECRETS } from './steps/secrets.ts';

const NOTES = `
The steps: ${STEP_NAMES.join(', ')}.
Each looks first whether it is done, and is then passed: run it again whenever you have done your part, or after
Ctrl-C. What it can do itself it does after a question, or with --yes: cdk bootstrap, cdk deploy, the write to
Vault, a test mail to the mailbox simulator, the request for production access. It stops where a person must act, and
says what to do: enter DNS records, wait for SES or AWS, give a token of Vault.

Run it where cdk.json is. VAULT_ADDR and VAULT_TOKEN are read for the secrets, SMTP_HOST and the other SMTP_* variables by the checks.

Exit codes: 0 nothing is left to do; 1 stopped for a person; 2 something failed.

Examples:
  mailctl quickstart
  mailctl --stage prod quickstart --website https://example.org --daily-volume 20000
  mailctl --yes quickstart --wait 60                     for a pipeline of CI, with the records in Terraform
  mailctl quickstart --skip secrets --skip doctor
  mailctl --json quickstart | jq -r '.data.todo[]'`;

interface QuickstartFlags extends Omit<QuickstartOptions, 'waitMs' | 'pollMs'> {
  readonly wait: number;
  readonly poll: number;
}

/** `mailctl quickstart`: from an empty account to the first mail. */
export function registerQuickstart(program: Command, run: RunCommand, others: OtherCommands): void {
  const quickstart = program
    .command('quickstart')
    .description('from an empty account to the first mail, step by step')
    .addOption(
      new Option('--skip <step>', 'leave this step out; may be given several times')
        .argParser(step)
        .default([], 'none'),
    )
    .addOption(
      new Option('--wait <minutes>', 'how long to wait for SES to find the records')
        .argParser(duration({ unitMs: 60_000, most: 9_999 }))
        .default(10 * 60_000, '10'),
    )
    .addOption(
      new Option('--poll <seconds>')
        .argParser(duration({ unitMs: 1_000, most: 9_999 }))
        .default(10_000)
        .hideHelp(),
    )
    .addOption(new Option('--cdk <command>', 'what runs the CDK').default('npx cdk').env('MAILCTL_CDK'))
    .option('--mount <path>', 'the KV v2 store of Vault', 'secret')
    .option('--path <path>', 'of the secret beneath the mount (default: "<project>/ses")');
  addDnsServerOptions(quickstart);
  others
    .addRequestOptions(quickstart, { needsWebsite: false })
    .addHelpText('after', NOTES)
    .action((_, command: Command) =>
      run(async (context) => {
        const { wait, poll, ...flags } = command.optsWithGlobals<QuickstartFlags>();
        const options = { ...flags, waitMs: wait, pollMs: poll };
        return runQuickstartCommand(context, options, others);
      }),
    );
}

function step(text: string, before: readonly StepName[]): readonly StepName[] {
  const name = STEP_NAMES.find((candidate) => candidate === text);
  if (name !== undefined) return [...before, name];
  throw new InvalidArgumentError(`The steps are ${STEP_NAMES.join(', ')}.`);
}

/** `mailctl quickstart`. */
async function runQuickstartCommand(
  context: CommandContext,
  options: QuickstartOptions,
  others: OtherCommands,
): Promise<ExitCode> {
  const { streams, terminal } = context;
  const { input, errors } = streams;
  const aside = new Terminal({ input, output: errors, errors }, { json: false, yes: options.yes });
  const report = await walkSteps(ALL_STEPS, { ...context, options, others, aside });
  terminal.result(report, () => renderWalk(terminal, report));
  return report.finished ? EXIT.ok : EXIT.warning;
}

interface StepReport {
  readonly name: StepName;
  /** `ahead`: not looked at, since one before it has stopped. */
  readonly state: 'done' | 'skipped' | 'stopped' | 'ahead';
  readonly detail: string;
}

interface WalkReport {
  /** True where nothing is left to do. */
  readonly finished: boolean;
  readonly steps: readonly StepReport[];
  /** What a person does before it goes on. */
  readonly todo: readonly string[];
}

/**
 * Takes one step after another, up to the first that a person must act for. What is done already is said and passed.
 *
 * @throws what a step throws, and the signal's reason, once it aborts
 */
async function walkSteps(steps: readonly QuickstartStep[], context: QuickstartContext): Promise<WalkReport> {
  const reports: StepReport[] = [];
  let todo: readonly string[] = [];
  let hasStopped = false;
  for (const step of steps) {
    context.signal.throwIfAborted();
    if (hasStopped) {
      reports.push({ name: step.name, state: 'ahead', detail: '' });
      continue;
    }
    const taken = await take(step, context);
    reports.push(taken.report);
    todo = taken.todo;
    hasStopped = taken.report.state === 'stopped';
  }
  return { finished: !hasStopped, steps: reports, todo };
}

interface TakenStep {
  readonly report: StepReport;
  readonly todo: readonly string[];
}

async function take(step: QuickstartStep, context: QuickstartContext): Promise<TakenStep> {
  const { name } = step;
  const { terminal, options } = context;
  const tell = (state: StepReport['state'], detail: string, todo: readonly string[] = []): TakenStep => {
    terminal.note(`${name}: ${state}${detail === '' ? '' : `, ${detail}`}`);
    return { report: { name, state, detail }, todo };
  };
  if (options.skip.includes(name)) return tell('skipped', '');
  const standing = await step.isDone(context);
  if (standing.kind === 'done') return tell('done', standing.detail);
  terminal.note(`\n${name}: ${standing.detail}\n  ${step.explain(context)}`);
  const outcome = await step.run(context, standing);
  return outcome.kind === 'done'
    ? tell('done', outcome.detail)
    : tell('stopped', outcome.detail, outcome.todo);
}

const STYLES: Readonly<Record<StepReport['state'], Style>> = {
  done: 'green',
  skipped: 'dim',
  stopped: 'yellow',
  ahead: 'dim',
};

function renderWalk(terminal: Terminal, { finished, steps, todo }: WalkReport): string {
  const rows = steps.map(({ name, state, detail }) => [terminal.paint(STYLES[state], state), name, detail]);
  const next = finished
    ? ['Nothing is left to do: the pipeline works.']
    : [
        'Next, by you:',
        ...todo.map((line) => `  - ${line}`),
        'Then run mailctl quickstart again: it goes on from here.',
      ];
  return [terminal.table(['STATE', 'STEP', 'WHAT WAS SEEN'], rows), '', ...next].join('\n');
}

/** Each stands on those before it. */
const ALL_STEPS: readonly QuickstartStep[] = [
  BOOTSTRAP,
  DEPLOY,
  DNS,
  VERIFICATION,
  SECRETS,
  DOCTOR,
  FIRST_MAIL,
  PRODUCTION_ACCESS,
];
