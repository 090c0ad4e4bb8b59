import * as v from 'valibot';
import {
  type Environment,
  type EnvironmentEntry,
  type EnvironmentReading,
  readEnvironment,
  wholeNumber,
} from '../common/config.ts';
import { SettingsError } from '../mailer/settings.ts';

/** Which environment variable sets what, how its text is read, and what docs/settings.md says of it. */
export const DATABASE_ENVIRONMENT = [
  [
    'database.connectionString',
    'DATABASE_URL',
    'secret',
    'a PostgreSQL URL; takes precedence over the settings below',
  ],
  [
    'database.host',
    'PGHOST',
    'text',
    'needed if there is no `DATABASE_URL`; the variables are those of `psql`',
  ],
  ['database.port', 'PGPORT', 'number', 'by default 5432'],
  ['database.user', 'PGUSER', 'text', ''],
  ['database.password', 'PGPASSWORD', 'secret', ''],
  ['database.database', 'PGDATABASE', 'text', 'name of the database'],
  [
    'database.ssl',
    'PGSSLMODE',
    'text',
    'by default disable; `no-verify` is the only mode with TLS that does not verify the certificate',
  ],
] as const satisfies readonly EnvironmentEntry[];

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const;

/** As `pg` reads PGSSLMODE: each mode with TLS verifies the certificate, but for the one that says it does not. */
const ssl = v.pipe(
  v.picklist(SSL_MODES, `one of ${SSL_MODES.join(', ')}`),
  v.transform((mode) => (mode === 'no-verify' ? { rejectUnauthorized: false } : mode !== 'disable')),
);

const databaseSchema = v.pipe(
  v.object({
    connectionString: v.exactOptional(
      v.pipe(v.string(), v.check(isDatabaseUrl, 'postgres://user:password@host:port/name')),
    ),
    host: v.exactOptional(v.string()),
    port: v.exactOptional(wholeNumber(1, 65_535)),
    user: v.exactOptional(v.string()),
    password: v.exactOptional(v.string()),
    database: v.exactOptional(v.string()),
    ssl: v.exactOptional(ssl),
  }),
  v.forward(
    // Were localhost taken for granted, a forgotten secret would look like a server that refuses connections.
    v.partialCheck(
      [['connectionString'], ['host']],
      ({ connectionString, host }) => connectionString !== undefined || host !== undefined,
      'it is needed, or PGHOST in its place',
    ),
    ['connectionString'],
  ),
);

/**
 * Where the outbox is, in the words of the `pg` client. The URL comes before the other settings; what neither
 * says is left to the client's own defaults.
 */
export type DatabaseSettings = Readonly<v.InferOutput<typeof databaseSchema>>;

/**
 * Reads where the database is: `DATABASE_URL`, or `PGHOST` and its kin.
 *
 * @throws {@link SettingsError} that names all that is wrong at once, and no password
 */
export function readDatabaseSettings(env: Environment): DatabaseSettings {
  const reading = readDatabaseEnvironment(env);
  if (reading.kind === 'wrong') throw new SettingsError(reading.problems);
  return reading.settings;
}

export function readDatabaseEnvironment(env: Environment): EnvironmentReading<DatabaseSettings> {
  return readEnvironment(env, DATABASE_ENVIRONMENT, databaseSchema);
}

/** An empty host stands for the default one in a database URL, which a plain URL does not know. */
function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@localhost/'));
}
