import type { DeploymentName } from '../common/names.ts';
import type { AwsClients } from './aws-clients.ts';
import type { ChosenDeployment } from './choose-deployment.ts';
import type { ExitCode } from './errors.ts';
import type { FixHints } from './hints.ts';
import type { ProjectFile } from './project-file.ts';
import type { Terminal, TerminalStreams } from './terminal.ts';

/** Passed to every command. */
export interface CommandContext {
  readonly deployment: DeploymentName;
  /** Where the names of the deployment are from. */
  readonly chosen: ChosenDeployment;
  /** The cdk.json of the deployment; undefined if there is none here. */
  readonly projectFile: ProjectFile | undefined;
  readonly aws: AwsClients;
  readonly terminal: Terminal;
  /** Streams of the process: for piped input, and to detect an interactive terminal. */
  readonly streams: TerminalStreams;
  /** Commands to paste, for the same deployment. */
  readonly commands: FixHints;
  /** The environment, for variables shared with other tools: VAULT_ADDR, SMTP_HOST, DATABASE_URL. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs a command, prints its error, and sets the exit code. */
export type RunCommand = (command: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;
