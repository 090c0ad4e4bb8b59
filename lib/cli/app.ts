import { Command, CommanderError, Option } from 'commander';
import { DEPLOYMENT_DEFAULTS, MAILCTL_VARIABLES } from '../common/names.ts';
import { AwsClients, profileRegion } from './aws-clients.ts';
import { chooseDeployment, type DeploymentFlags, describeChoice } from './choose-deployment.ts';
import { registerAlarms } from './commands/alarms.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerConsole } from './commands/console.ts';
import { registerDlq } from './commands/dlq/register-dlq.ts';
import { registerDns } from './commands/dns.ts';
import { registerDoctor, runDoctorCommand } from './commands/doctor/doctor.ts';
import { registerFuse } from './commands/fuse.ts';
import { registerMails, registerTail } from './commands/mails.ts';
import { registerMessage } from './commands/message/message.ts';
import {
  addRequestOptions,
  registerProductionAccess,
  runRequestCommand,
} from './commands/production-access/production-access.ts';
import { registerQueue } from './commands/queue.ts';
import { registerQuickstart } from './commands/quickstart/quickstart.ts';
import { registerRate } from './commands/rate.ts';
import { registerRotate, runFirstKey } from './commands/rotate.ts';
import { registerRunbook } from './commands/runbook.ts';
import { registerSecrets } from './commands/secrets/secrets.ts';
import { runVaultCommand } from './commands/secrets/vault.ts';
import { registerSend, sendKnownMail } from './commands/send/send.ts';
import { registerStatus } from './commands/status/status.ts';
import { registerSuppression } from './commands/suppression/suppression.ts';
import type { RunCommand } from './context.ts';
import { type DescribedFailure, describeFailure } from './describe-failure.ts';
import { EXIT, type ExitCode } from './errors.ts';
import { FixHints, type FoundByItself, invocationOf } from './hints.ts';
import { packageVersion } from './package-files.ts';
import { type ProjectFile, readProjectFile } from './project-file.ts';
import { Terminal, type TerminalStreams } from './terminal.ts';

interface GlobalOptions extends DeploymentFlags {
  /** False with --no-config. */
  readonly config?: string | boolean;
  readonly profile?: string;
  readonly json: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
}

const NOTES = `
Examples:
  mailctl quickstart               from nothing to the first mail, step by step
  mailctl doctor                   what is wrong, and what fixes it
  mailctl console                  the same in the browser, and more
  mailctl alarms                   what rings, and what to do first
  mailctl dns --check              whether the DNS has what SES and DMARC need
  mailctl status reply-48213       the whole story of one delivery
  mailctl mails --state failed     the deliveries of the last day that failed
  mailctl queue                    what waits, in the outbox and in SQS
  mailctl rate                     how fast mail goes out, and how long what waits takes
  mailctl runbook dead-letters     what to do about an alarm, with your names
  mailctl dlq ls                   why mail waits for a person
  mailctl message check FILE       whether a fallback message is right, without sending it
  mailctl --stage prod doctor --json

Exit codes: 0 all is well; 1 it works, look at the warnings; 2 it failed, or something is broken; 64 wrong usage.`;

export interface MailctlProcess {
  readonly streams: TerminalStreams;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that it runs in, where cdk.json may be. */
  readonly directory: string;
  /** Aborts with Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Runs one command line of mailctl.
 *
 * @param args without the program's own name
 * @returns the exit code; what went wrong is said on `streams.errors`
 */
export async function runMailctl(
  args: readonly string[],
  { streams, env, directory, signal }: MailctlProcess,
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  let path = '';
  const program = createProgram(streams, async (command) => {
    const { config, profile, json, yes, quiet, ...flags } = program.opts<GlobalOptions>();
    const terminal = new Terminal(streams, { json, yes, quiet, env });
    let commands: FixHints | undefined;
    let error: DescribedFailure | null = null;
    try {
      const projectFile =
        config === false
          ? undefined
          : await readProjectFile(directory, typeof config === 'string' ? config : undefined);
      const sources = { flags, env, file: projectFile, profileRegion: () => profileRegion(profile) };
      const chosen = await chooseDeployment(sources);
      terminal.note(describeChoice(chosen));
      const deployment = { project: chosen.project.value, stage: chosen.stage.value };
      const region = chosen.region.value;
      commands = new FixHints(deployment, region, profile, {
        program: invocationOf(env),
        found: foundByItself(projectFile),
      });
      const hasOwnSqs = (env.AWS_ENDPOINT_URL_SQS ?? env.AWS_ENDPOINT_URL) !== undefined;
      exitCode = await command({
        deployment,
        chosen,
        projectFile,
        aws: new AwsClients({ region, profile, hasOwnSqs }),
        terminal,
        streams,
        commands,
        env,
        signal,
      });
    } catch (caught) {
      error = signal.aborted ? INTERRUPTED : describeFailure(caught, commands);
      terminal.failure(`${error.message}\n  fix: ${error.fix}`);
      exitCode = EXIT.failed;
    }
    terminal.conclude({ command: path, exitCode, error });
  });
  program.hook('preAction', (_program, command) => {
    path = pathOf(command);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** What commands that are pasted here find without a flag. */
function foundByItself(file: ProjectFile | undefined): FoundByItself {
  const { project, stage, region } = DEPLOYMENT_DEFAULTS;
  return {
    project: file?.settings.project ?? project,
    stage: file?.settings.stage ?? stage,
    region: file?.settings.region ?? region,
    ...(file?.isNamed === true ? { config: file.name } : {}),
  };
}

/** Its words without the program's own: `dlq ls`. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

const INTERRUPTED = {
  code: 'INTERRUPTED',
  message: 'interrupted',
  fix: 'run it again; it goes on with what is left',
};

/** The grammar of the command line, with its help. `run` is called with what the chosen command does. */
export function createProgram({ output, errors }: Omit<TerminalStreams, 'input'>, run: RunCommand): Command {
  const program = new Command('mailctl')
    .description('Looks after the mail pipeline: sets it up, says what is wrong, puts it right.')
    .addOption(
      new Option(
        '--stage <stage>',
        `which deployment (default: ${MAILCTL_VARIABLES.stage}, cdk.json, ${DEPLOYMENT_DEFAULTS.stage})`,
      ).choices(['dev', 'prod']),
    )
    .option(
      '--project <name>',
      `the front of all names (default: cdk.json, ${MAILCTL_VARIABLES.project}, ${DEPLOYMENT_DEFAULTS.project})`,
    )
    .option(
      '--region <region>',
      `where it is deployed (default: cdk.json, AWS_REGION, AWS_DEFAULT_REGION, the profile, ${DEPLOYMENT_DEFAULTS.region})`,
    )
    .option('--config <file>', 'the cdk.json of the deployment (default: the one in this folder)')
    .option('--no-config', 'reads no cdk.json')
    .addOption(new Option('--profile <name>', 'of the AWS configuration files').env('AWS_PROFILE'))
    .option('--json', 'the result as JSON on standard output', false)
    .option('-q, --quiet', 'only what is not all right, and no progress', false)
    .option('-y, --yes', 'answer every question with yes', false)
    .version(packageVersion(), '-V, --version')
    .addHelpText('after', NOTES)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => errors.write(text),
    })
    .showHelpAfterError('(mailctl --help tells more)')
    .exitOverride();
  registerCommands(program, run);
  return program;
}

/** All commands. The one place where one of them is handed to another, since no command imports another. */
function registerCommands(program: Command, run: RunCommand): void {
  registerAlarms(program, run);
  registerCompletion(program, run);
  registerConsole(program, run);
  registerDlq(program, run);
  registerDns(program, run);
  registerDoctor(program, run);
  registerFuse(program, run);
  registerMails(program, run);
  registerMessage(program, run);
  registerProductionAccess(program, run);
  registerQueue(program, run);
  registerQuickstart(program, run, {
    doctor: runDoctorCommand,
    makeFirstKey: runFirstKey,
    secretsVault: runVaultCommand,
    send: sendKnownMail,
    requestProductionAccess: runRequestCommand,
    addRequestOptions,
  });
  registerRate(program, run);
  registerRotate(program, run, runVaultCommand);
  registerRunbook(program, run);
  registerSecrets(program, run);
  registerSend(program, run);
  registerStatus(program, run);
  registerSuppression(program, run);
  registerTail(program, run);
}
