import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunCommand } from '../command-context.ts';
import { addDnsServerOptions } from '../dns/dns-server-options.ts';
import { addRequestOptions } from '../production-access/register-production-access.ts';
import { type QuickstartOptions, STEP_NAMES, type StepName } from './quickstart-step.ts';

const NOTES = `
The steps: ${STEP_NAMES.join(', ')}.
Each looks first whether it is done, and is then passed: run it again whenever you have done your part, or after
Ctrl-C. What it can do itself it does after a question, or with --yes: cdk bootstrap, cdk deploy, the write to
Vault, a test mail to the mailbox simulator, the request for production access. It stops where a person must act, and
says what to do: enter DNS records, wait for SES or AWS, give a token of Vault.

Run it where cdk.json is. VAULT_ADDR and VAULT_TOKEN are read for the secrets, SMTP_HOST and its kin by the checks.

Exit codes: 0 nothing is left to do; 1 stopped for a person; 2 something failed.

Examples:
  mailctl quickstart
  mailctl --stage prod quickstart --website https://keybuzz.io --daily-volume 20000
  mailctl --yes quickstart --wait 60                     for a pipeline of CI, with the records in Terraform
  mailctl quickstart --skip secrets --skip doctor
  mailctl --json quickstart | jq -r '.todo[]'`;

interface QuickstartFlags extends Omit<QuickstartOptions, 'waitMs' | 'pollMs'> {
  readonly wait: number;
  readonly poll: number;
}

/** `mailctl quickstart`: from an empty account to the first mail. */
export function registerQuickstart(program: Command, run: RunCommand): void {
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
        .argParser(milliseconds(60_000))
        .default(10 * 60_000, '10'),
    )
    .addOption(new Option('--poll <seconds>').argParser(milliseconds(1_000)).default(10_000).hideHelp())
    .addOption(new Option('--cdk <command>', 'what runs the CDK').default('npx cdk').env('MAILCTL_CDK'))
    .option('--mount <path>', 'the KV v2 store of Vault', 'secret')
    .option('--path <path>', 'of the secret beneath the mount (default: "<project>/ses")');
  addDnsServerOptions(quickstart);
  addRequestOptions(quickstart, { needsWebsite: false })
    .addHelpText('after', NOTES)
    .action((_, command: Command) =>
      run(async (context) => {
        // The clients of AWS would make `--help` slow.
        const { runQuickstartCommand } = await import('./quickstart-command.ts');
        const { wait, poll, ...flags } = command.optsWithGlobals<QuickstartFlags>();
        const options = { ...flags, waitMs: wait, pollMs: poll };
        return runQuickstartCommand(context, options, { input: process.stdin, errors: process.stderr });
      }),
    );
}

function step(text: string, before: readonly StepName[]): readonly StepName[] {
  const name = STEP_NAMES.find((candidate) => candidate === text);
  if (name !== undefined) return [...before, name];
  throw new InvalidArgumentError(`The steps are ${STEP_NAMES.join(', ')}.`);
}

function milliseconds(unitMs: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,4}(?:\.\d{1,3})?$/.test(text) && number > 0) return Math.round(number * unitMs);
    throw new InvalidArgumentError('It has to be a number, more than 0.');
  };
}
