export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * One structured line for each thing that happened. Fields carry ids, classes and numbers; whole addresses,
 * bodies and credentials never.
 */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };
