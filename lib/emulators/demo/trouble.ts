import { errorCode, messageOf } from '../../common/errors.ts';

/** What may be wrong with the machine, by the code of the error. */
const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room, or give another folder by --dir',
  EDQUOT: 'the quota of the disk is used up: make room, or give another folder by --dir',
  EACCES: 'the folder cannot be written: give another one by --dir',
  EPERM: 'the folder cannot be written: give another one by --dir',
  EROFS: 'the folder cannot be written: give another one by --dir',
  ENOENT: 'the folder cannot be made: give another one by --dir',
  ENOTDIR: 'a part of the path is no folder: give another one by --dir',
  EEXIST: 'a file is where the folder should be: give another one by --dir',
  EMFILE: 'too many files are open: raise the limit (ulimit -n)',
};

const DATABASE =
  'check DATABASE_URL, or PGHOST and the other PG* variables; without them an embedded PostgreSQL is used';

const DATABASE_ERRORS = new Set(['OutboxUnavailableError', 'OutboxSchemaError', 'SettingsError']);

/**
 * One line for a trouble that a person can end, with what ends it. Undefined for a fault of the program, whose stack
 * trace is what its makers need.
 */
export function describeTrouble(error: unknown): string | undefined {
  const name = error instanceof Error ? error.name : '';
  if (DATABASE_ERRORS.has(name)) return oneLine(`${messageOf(error)}; ${DATABASE}`);
  const fix = FIXES[errorCode(error)];
  return fix === undefined ? undefined : oneLine(`${messageOf(error)}; ${fix}`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
