import { errorCode, messageOf } from '../common/errors.ts';

/** The command line makes no sense: the help is printed with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'ERR_USAGE';
}

/** The only command of the line, or the one that is meant without any. @throws {@link UsageError} if there are several */
export function commandOf([command, ...rest]: readonly string[], usual: string): string {
  if (rest.length > 0) throw new UsageError(`one command at a time, not also ${rest.join(' ')}`);
  return command ?? usual;
}

/** Runs a process of the package. @returns its exit code: 1 for an error, 2 for a wrong setting or argument */
export async function exitCodeOf(run: () => Promise<number>, help: string): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const code = errorCode(error);
    const isUsage = code.startsWith('ERR_PARSE_ARGS') || code === 'ERR_USAGE';
    process.stderr.write(`${messageOf(error)}\n${isUsage ? `\n${help}` : ''}`);
    return isUsage || code === 'ESETTINGS' ? 2 : 1;
  }
}
