import type { Missing } from '../../console/sources/reading.ts';
import type { Clock } from '../../ports/runtime.ts';
import type { CommandContext } from '../context.ts';
import type { OperatorError } from '../errors.ts';

/** With what the console reads a deployment: that of a command, or that of a pipeline on this machine. */
export interface ConsoleAccess
  extends Pick<CommandContext, 'aws' | 'deployment' | 'commands' | 'env' | 'signal'> {
  readonly region: string;
  readonly clock: Clock;
  /** The port of a worker for health and metrics, as reachable from here. */
  readonly workerUrl: string | undefined;
  /** The file in which dropped dead letters are recorded. */
  readonly recordPath: string;
  /** Why there are no alarms to read; undefined if there are. */
  readonly noAlarms: Missing | undefined;
  /** Where the history is from: CloudWatch, or what the console itself sees while it runs. */
  readonly history: 'cloud-watch' | 'sampled';
  readonly describe: (error: unknown) => Missing;
  readonly notDeployed: () => Promise<OperatorError>;
}
