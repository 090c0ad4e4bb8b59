import type { Log, LogFields } from '../ports/runtime.ts';

const LEVELS = ['info', 'warn', 'error'] as const;

/** The lowest level that is written. */
type LogLevel = (typeof LEVELS)[number];

export interface JsonLogOptions {
  /** Included in each line. */
  readonly base?: LogFields;
  /** @default 'info' */
  readonly level?: LogLevel;
}

/**
 * Writes one JSON object per line, by default to standard output. Lambda filters a line by its `level`, in capitals, if `timestamp` is in RFC 3339;
 * without these two fields it treats the line as INFO, as with metric lines.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
 */
export function createJsonLog(
  write: (line: string) => void = (line) => process.stdout.write(line),
  { base = {}, level = 'info' }: JsonLogOptions = {},
): Log {
  const at = (name: LogLevel) => {
    const shown = name.toUpperCase();
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return () => {};
    return (event: string, fields?: LogFields) =>
      write(
        `${JSON.stringify({ timestamp: new Date().toISOString(), level: shown, event, ...base, ...fields })}\n`,
      );
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
