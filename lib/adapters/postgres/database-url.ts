import { isSslMode, SSL_MODES, type TlsSettings } from './tls.ts';

/** What a database URL says beyond the address that the `pg` client reads from it. */
export interface DatabaseUrl {
  /** The URL with only the parameters that the client itself serves. */
  readonly clientUrl: string;
  /** The schema of the table, in place of the role's search path. */
  readonly schema?: string | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly tls: Partial<TlsSettings>;
}

export type ReadDatabaseUrl =
  | { readonly kind: 'read'; readonly url: DatabaseUrl }
  /** Without any value: each could be part of a password that is not percent-encoded. */
  | { readonly kind: 'wrong'; readonly problem: string };

/** Parameters that the `pg` client serves as libpq does. */
const OF_THE_CLIENT = ['host', 'port', 'user', 'password', 'application_name', 'client_encoding', 'options'];

const OF_OURS = ['schema', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'connect_timeout'];

/** Spellings of the `pg` client: `ssl` for `sslmode`, and libpq's modes, which are the only ones here. */
const OLDER = ['ssl', 'uselibpqcompat'];

const ALLOWED = [...OF_OURS, ...OF_THE_CLIENT].sort();

/** As the `pg` client reads `?ssl=`. */
const SSL_VALUES: Readonly<Record<string, string>> = {
  true: 'verify-full',
  1: 'verify-full',
  'no-verify': 'no-verify',
  false: 'disable',
  0: 'disable',
};

/**
 * Reads the parameters of a database URL. A parameter that would be ignored is refused: with a misspelt
 * `schema` the worker would wait at another table, with a misspelt `sslmode` its mails would travel in clear.
 */
export function readDatabaseUrl(connectionString: string): ReadDatabaseUrl {
  const start = connectionString.indexOf('?');
  const base = start < 0 ? connectionString : connectionString.slice(0, start);
  const parameters = new URLSearchParams(start < 0 ? '' : connectionString.slice(start + 1));
  const unknown = [...new Set(parameters.keys())].filter((name) => ![...ALLOWED, ...OLDER].includes(name));
  if (unknown.length > 0) {
    const names = unknown.map((name) => (/^[a-z_]{1,40}$/i.test(name) ? name : '***')).join(', ');
    return wrong(`the parameter ${names} is not known: allowed are ${ALLOWED.join(', ')}`);
  }
  const value = (name: string) => parameters.get(name) ?? undefined;
  const ssl = value('ssl');
  const mode = value('sslmode') ?? (ssl === undefined ? undefined : (SSL_VALUES[ssl] ?? ''));
  if (mode !== undefined && !isSslMode(mode)) {
    return wrong(`the parameter sslmode is not valid: allowed is one of ${SSL_MODES.join(', ')}`);
  }
  const seconds = value('connect_timeout');
  if (seconds !== undefined && !/^[1-9]\d{0,3}$/.test(seconds)) {
    return wrong('the parameter connect_timeout is not valid: allowed is a number of seconds from 1 to 9999');
  }
  const schema = value('schema');
  if (schema !== undefined && !isSchemaName(schema)) {
    return wrong('the parameter schema is not valid: allowed is the name of one schema');
  }
  const compatible = value('uselibpqcompat');
  if (compatible !== undefined && compatible !== 'true') {
    return wrong('the parameter uselibpqcompat is not valid: allowed is true, since sslmode is as in libpq');
  }
  const own = new URLSearchParams([...parameters].filter(([name]) => OF_THE_CLIENT.includes(name)));
  return {
    kind: 'read',
    url: {
      clientUrl: own.size === 0 ? base : `${base}?${own}`,
      schema,
      connectTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1000,
      tls: {
        ...(mode === undefined ? {} : { mode }),
        rootCertificate: value('sslrootcert'),
        certificate: value('sslcert'),
        key: value('sslkey'),
      },
    },
  };
}

/** PostgreSQL truncates longer names, and then another schema could be meant. */
function isSchemaName(name: string): boolean {
  return name !== '' && !name.includes('\0') && Buffer.byteLength(name) <= 63;
}

function wrong(problem: string): ReadDatabaseUrl {
  return { kind: 'wrong', problem };
}
