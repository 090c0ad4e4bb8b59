import type { DeploymentName } from '../common/names.ts';
import type { AwsClients } from './aws-clients.ts';
import type { ExitCode } from './errors.ts';
import type { FixHints } from './hints.ts';
import type { Terminal, TerminalStreams } from './terminal.ts';

/** What every command is given. */
export interface CommandContext {
  readonly deployment: DeploymentName;
  readonly aws: AwsClients;
  readonly terminal: Terminal;
  /** Of the process, for what is piped in, and for whether a person sees the output. */
  readonly streams: TerminalStreams;
  /** Commands to paste, about the same deployment. */
  readonly commands: FixHints;
  /** The environment, for what other tools are configured by: VAULT_ADDR, SMTP_HOST, DATABASE_URL. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts with Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Runs what a command does, says what went wrong, and sets the exit code. */
export type RunCommand = (command: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;
