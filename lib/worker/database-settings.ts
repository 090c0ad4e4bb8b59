import * as v from 'valibot';
import { type Environment, readEnvironment, setting, settingsOf } from '../common/config.ts';
import { allowed, oneOf, port, text } from '../common/schemas.ts';

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const;

/** As `pg` reads PGSSLMODE: every mode with TLS verifies the certificate, except `no-verify`. */
const ssl = v.pipe(
  oneOf(SSL_MODES),
  v.transform((mode) => (mode === 'no-verify' ? { rejectUnauthorized: false } : mode !== 'disable')),
);

const databaseUrl = v.pipe(
  v.string(),
  v.check(isDatabaseUrl),
  allowed('postgres://user:password@host:port/name'),
);

export const databaseSchema = v.object({
  connectionString: setting(v.exactOptional(databaseUrl), {
    variable: 'DATABASE_URL',
    description: 'a PostgreSQL URL; takes precedence over the settings below',
    secret: true,
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
  ssl: setting(v.exactOptional(ssl), {
    variable: 'PGSSLMODE',
    description:
      'by default disable; `no-verify` is the only mode with TLS that does not verify the certificate',
  }),
});

/** Connection options of the `pg` client for the outbox; `pg` applies its own defaults to unset ones. */
export type DatabaseSettings = Readonly<v.InferOutput<typeof databaseSchema>>;

/**
 * Reads the database connection: `DATABASE_URL`, or `PGHOST` and the other variables of psql.
 *
 * @throws {@link SettingsError} that lists every error at once, without passwords
 */
export function readDatabaseSettings(env: Environment): DatabaseSettings {
  return settingsOf(readEnvironment(v.object({ database: databaseSchema }), env)).database;
}

/** An empty host means the default host in a database URL, but is invalid in a plain URL. */
function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@localhost/'));
}
