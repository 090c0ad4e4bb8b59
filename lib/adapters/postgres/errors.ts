import { messageOf } from '../../common/errors.ts';

/** The outbox is unavailable: down, starting, read-only, full or too slow. A retry may help. */
export class OutboxUnavailableError extends Error {
  override readonly name = 'OutboxUnavailableError';
  /**
   * The SQLSTATE (`57P01`) or system error code (`ECONNREFUSED`); `TIMEOUT` if there was no response,
   * `DISCONNECTED` if the connection ended without an error.
   */
  readonly code: string;

  constructor(action: string, code: string, cause: unknown) {
    super(`the outbox cannot be asked now (${action}, ${code}): ${messageOf(cause)}`, { cause });
    this.code = code;
  }
}

/** The database responds, but its schema is not what the worker needs; a retry does not help. */
export class OutboxSchemaError extends Error {
  override readonly name = 'OutboxSchemaError';
  /** The SQLSTATE, `42703` for a missing column. */
  readonly code: string;

  constructor(action: string, code: string, cause: unknown, fix = DEFAULT_FIX) {
    super(`the outbox cannot ${action} (${code}): ${messageOf(cause)}; ${fix}`, { cause });
    this.code = code;
  }
}

const DEFAULT_FIX =
  'run the migrations, by the role that owns the table, and grant the worker SELECT and UPDATE on it, and SELECT, ' +
  'INSERT and UPDATE on outbound_recipients';

/**
 * Transient SQLSTATE classes and codes: connections (08), invalid authorisation (28) and unknown
 * database (3D) while a server is being set up or its secret rotated, rolled back (40), resources (53), locks
 * (55P03), operator intervention and time limits (57), and system errors (58).
 */
const TRANSIENT = /^(08|28|3D|40|53|57|58)|^(25006|55P03|25P0[234])$/;

/** Syntax, names, privileges and schemas. */
const SCHEMA = /^(42|3F|0A)/;

/** JavaScript errors that indicate a bug, by name: under jest `instanceof` does not work for them. */
const PROGRAMMING = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

/**
 * Classifies the error of an action.
 *
 * @returns the error to throw: `OutboxUnavailableError`, `OutboxSchemaError`, or the error itself if it is
 * about the data or the code
 */
export function outboxError(action: string, error: unknown): unknown {
  if (error instanceof OutboxUnavailableError || error instanceof OutboxSchemaError) return error;
  const state = sqlState(error);
  if (state === undefined) {
    return isProgrammingError(error)
      ? error
      : new OutboxUnavailableError(action, errorCode(error) ?? unnamedCode(error), error);
  }
  if (TRANSIENT.test(state)) return new OutboxUnavailableError(action, state, error);
  if (SCHEMA.test(state)) return new OutboxSchemaError(action, state, error);
  return error;
}

/** False for a lock or a value that concerns only one row, so that the others can proceed. */
export function concernsAll(error: unknown): boolean {
  if (error instanceof OutboxUnavailableError) return !/^(55P03|57014|40...)$/.test(error.code);
  return error instanceof OutboxSchemaError;
}

function isProgrammingError(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'name' in error &&
    PROGRAMMING.has(String(error.name)) &&
    errorCode(error) === undefined
  );
}

/** `pg`'s own errors have no code. */
function unnamedCode(error: unknown): string {
  return /time/i.test(messageOf(error)) ? 'TIMEOUT' : 'DISCONNECTED';
}

/** The five-character SQLSTATE; undefined if the error is not from PostgreSQL. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('severity' in error)) return undefined;
  const code = errorCode(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && error.code !== '' ? error.code : undefined;
}
