import type { PostgresSettings } from '../../adapters/postgres/postgres-settings.ts';
import { errorCode, messageOf } from '../../common/errors.ts';
import type { CommandContext } from '../context.ts';
import { OperatorError } from '../errors.ts';

/** Reads the same variables as libpq's tools. @returns why the database of the API is not known; undefined if it is */
export function databaseMissing({ DATABASE_URL, PGHOST }: CommandContext['env']): string | undefined {
  return DATABASE_URL === undefined && PGHOST === undefined
    ? 'neither DATABASE_URL nor PGHOST names the database of the API'
    : undefined;
}

/** Opens the database of the API. @throws {@link OperatorError} if it is not named, or its settings cannot work */
export function openDatabase<T>(env: CommandContext['env'], open: (settings: PostgresSettings) => T): T {
  const missing = databaseMissing(env);
  if (missing !== undefined) throw new OperatorError('NO_DATABASE', missing, 'set DATABASE_URL to its URL');
  try {
    return open({ connectionString: env.DATABASE_URL });
  } catch (error) {
    throw databaseError(error);
  }
}

/** @throws {@link OperatorError} for every failure of the database */
export async function askDatabase<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw databaseError(error);
  }
}

function databaseError(error: unknown): OperatorError {
  const code = errorCode(error);
  return new OperatorError(
    code,
    messageOf(error),
    'check DATABASE_URL, or PGHOST and the other PG* variables',
    {
      cause: error,
    },
  );
}
