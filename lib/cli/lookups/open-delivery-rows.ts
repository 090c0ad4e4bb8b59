import { PostgresDeliveryRows } from '../../adapters/postgres/delivery-rows.ts';
import { errorCode, messageOf } from '../../common/errors.ts';
import { OperatorError } from '../errors.ts';

export type OpenedRows =
  | { readonly kind: 'open'; readonly rows: PostgresDeliveryRows }
  /** No variable names the database. */
  | { readonly kind: 'none'; readonly detail: string };

/**
 * Opens the API's table by the variables of libpq's tools.
 *
 * @throws {@link OperatorError} if they cannot work
 */
export function openDeliveryRows({
  DATABASE_URL: url,
  PGHOST: host,
}: Readonly<Record<string, string | undefined>>): OpenedRows {
  if (url === undefined && host === undefined)
    return { kind: 'none', detail: 'neither DATABASE_URL nor PGHOST names the database of the API' };
  try {
    return { kind: 'open', rows: new PostgresDeliveryRows({ connectionString: url }) };
  } catch (error) {
    throw databaseError(error);
  }
}

export function databaseError(error: unknown): OperatorError {
  const code = errorCode(error);
  return new OperatorError(code, messageOf(error), 'check DATABASE_URL, or PGHOST and its kin', {
    cause: error,
  });
}
