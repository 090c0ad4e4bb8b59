import * as v from 'valibot';
import { readDatabaseUrl } from '../adapters/postgres/database-url.ts';
import type { PostgresSettings } from '../adapters/postgres/postgres-settings.ts';
import { TABLE_NAME, TABLE_NAME_RULE } from '../adapters/postgres/table-name.ts';
import { SSL_MODES } from '../adapters/postgres/tls.ts';
import { type Environment, readEnvironment, setting, settingsOf } from '../common/config.ts';
import { allowed, matching, oneOf, port, text } from '../common/schemas.ts';

const databaseUrl = v.pipe(
  v.string(),
  v.check(isDatabaseUrl),
  v.rawCheck(({ dataset, addIssue }) => {
    const read = readDatabaseUrl(String(dataset.value));
    if (read.kind === 'wrong') addIssue({ message: read.problem });
  }),
  allowed('postgres://user:password@host:port/name'),
);

export const databaseSchema = v.object({
  connectionString: setting(v.exactOptional(databaseUrl), {
    variable: 'DATABASE_URL',
    description:
      'a PostgreSQL URL; takes precedence over the settings below; `?schema=` names the schema of the table, ' +
      '`sslmode` and `sslrootcert` are those of libpq, and a parameter that is not known is refused',
    secret: true,
    isConvention: true,
    // If localhost were the default, a forgotten secret would look like a server that refuses connections.
    neededUnless: 'host',
  }),
  host: setting(v.exactOptional(text), {
    variable: 'PGHOST',
    description: 'needed if there is no `DATABASE_URL`; the variables are those of `psql`',
  }),
  port: setting(v.exactOptional(port), { variable: 'PGPORT', description: 'by default 5432' }),
  user: setting(v.exactOptional(text), { variable: 'PGUSER', description: 'the user to log in as' }),
  password: setting(v.exactOptional(text), {
    variable: 'PGPASSWORD',
    description: "the user's password",
    secret: true,
  }),
  database: setting(v.exactOptional(text), {
    variable: 'PGDATABASE',
    description: 'name of the database',
  }),
  table: setting(v.exactOptional(matching(TABLE_NAME, TABLE_NAME_RULE)), {
    variable: 'OUTBOUND_TABLE',
    description:
      'the table of the mails, by default `outbound_deliveries`; a schema in it replaces that of the URL, and what ' +
      'belongs to it, such as the table of recipients, is named after it',
  }),
  sslMode: setting(v.exactOptional(oneOf(SSL_MODES)), {
    variable: 'PGSSLMODE',
    description:
      'as `psql` reads it, by default prefer: without a root certificate, nothing below verify-ca verifies ' +
      "the server's certificate; `no-verify` is require that never does",
  }),
  sslRootCertificate: setting(v.exactOptional(text), {
    variable: 'PGSSLROOTCERT',
    description:
      'file with the certificates to trust, by default ~/.postgresql/root.crt if it exists; without one ' +
      'verify-full trusts the public authorities, as with `system`, and verify-ca is refused',
  }),
});

/** The connection to the outbox's database and the table in it; the `pg` client applies its own defaults to unset options. */
export type DatabaseSettings = Readonly<v.InferOutput<typeof databaseSchema>>;

/**
 * Reads the database connection: `DATABASE_URL`, or `PGHOST` and the other variables of psql.
 *
 * @throws {@link SettingsError} that lists every error at once, without passwords
 */
export function readDatabaseSettings(env: Environment): DatabaseSettings {
  return settingsOf(readEnvironment(v.object({ database: databaseSchema }), env)).database;
}

/** What the adapters take; the client reads PGHOST, PGUSER and so on from the environment itself. */
export function connectionOf(settings: DatabaseSettings): PostgresSettings {
  const { connectionString, table, sslMode, sslRootCertificate } = settings;
  return { connectionString, table, sslMode, sslRootCertificate };
}

/** An empty host means the default host in a database URL, but is invalid in a plain URL. */
function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@localhost/'));
}
