import type { Log, LogFields } from '../../ports/log.ts';

type Level = 'info' | 'warn' | 'error';

/** Writes one JSON object a line; `base` stands on each of them. */
export function createJsonLog(write: (line: string) => void, base: LogFields = {}): Log {
  const at = (level: Level) => (event: string, fields?: LogFields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...base, ...fields })}\n`);
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
