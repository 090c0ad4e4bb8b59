import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import {
  describeProblem,
  type Environment,
  listSettings,
  parseSettings,
  readOwnEnvironment,
  SettingsError,
  setting,
  settingsOf,
} from '../common/config.ts';
import { messageOf } from '../common/errors.ts';
import { MAILCTL_VARIABLES } from '../common/names.ts';
import { allowed, integer, matching, oneOf, port, text, url } from '../common/schemas.ts';
import { DAY_MS } from '../common/time.ts';
import { MAX_CONTENT_BYTES } from '../domain/limits.ts';
import { idKeySetting, relayFallbackSchema, timeToLiveSetting, upstreamSchema } from '../mailer/settings.ts';
import { namespaceSchema, stageSchema } from '../process/cloud-watch-settings.ts';
import { isNetwork } from './networks.ts';
import { parseUsers, type RelayUser } from './users.ts';

/** Defaults that the manifest needs too. */
export const RELAY_DEFAULTS = { port: 2525, drainTimeoutMs: 25_000, httpPort: 9465 } as const;

const timer = integer(1_000, DAY_MS);
const count = integer(1, 1_000_000);

const networks = v.pipe(
  v.array(v.pipe(v.string(), v.trim(), v.check(isNetwork))),
  allowed(
    'addresses and networks such as 10.0.0.0/8 or 2001:db8::/32, with a comma between, none larger than /8 or /16',
  ),
);

const USERS =
  'name:hash, one a line or with a blank between, no name twice; the hash is what `smtp-relay hash-password` prints';

const users = v.pipe(
  v.string(),
  v.check((given) => parseUsers(given) !== undefined),
  allowed(USERS),
);

const listener = {
  host: setting(v.exactOptional(text), {
    variable: 'RELAY_HOST',
    description: 'address to listen on; by default every address of the machine, IPv6 and IPv4',
  }),
  port: setting(v.optional(integer(0, 65_535), RELAY_DEFAULTS.port), {
    variable: 'RELAY_PORT',
    description: 'SMTP, with STARTTLS if there is a certificate; 0 takes any free port',
  }),
  tlsPort: setting(v.exactOptional(v.union([port, v.literal(0)])), {
    variable: 'RELAY_TLS_PORT',
    description: 'TLS from the first byte, as on port 465; by default not',
  }),
  name: setting(v.exactOptional(matching(/^[A-Za-z0-9.-]{1,253}$/, 'a host name')), {
    variable: 'RELAY_NAME',
    description: 'what it calls itself in its greeting; by default the name of the machine',
  }),
  tlsCertFile: setting(v.exactOptional(text), {
    variable: 'RELAY_TLS_CERT_FILE',
    description: 'PEM file with the certificate and its chain; read again when it changes',
    neededWith: 'tlsKeyFile',
  }),
  tlsKeyFile: setting(v.exactOptional(text), {
    variable: 'RELAY_TLS_KEY_FILE',
    description: 'PEM file with its key',
    neededWith: 'tlsCertFile',
  }),
};

const clients = {
  networks: setting(v.optional(networks, ['127.0.0.0/8', '::1']), {
    variable: 'RELAY_NETWORKS',
    description: 'clients that may send without AUTH',
  }),
  users: setting(v.exactOptional(users), {
    variable: 'RELAY_USERS',
    description: `who may send after AUTH, from any address: ${USERS}`,
    secret: true,
  }),
  usersFile: setting(v.exactOptional(text), {
    variable: 'RELAY_USERS_FILE',
    description: 'a file with more of them, a line each',
  }),
  foreignSender: setting(v.optional(oneOf(['reject', 'defer']), 'reject'), {
    variable: 'RELAY_FOREIGN_SENDER',
    description:
      'what a mail from another domain than MAIL_DOMAIN is answered with: `reject` 550; `defer` 451, behind a mail server that sends such mail too and is to keep it',
  }),
  maxRecipients: setting(v.optional(integer(1, 10_000), 1_000), {
    variable: 'RELAY_MAX_RECIPIENTS',
    description: 'recipients of a mail; the client sends the others in another session',
  }),
  maxConnections: setting(v.optional(count, 500), {
    variable: 'RELAY_MAX_CONNECTIONS',
    description: 'connections at a time',
  }),
  maxConnectionsPerClient: setting(v.optional(count, 100), {
    variable: 'RELAY_MAX_CONNECTIONS_PER_CLIENT',
    description: 'of one address',
  }),
  maxMailsPerMinute: setting(v.optional(count, 6_000), {
    variable: 'RELAY_MAX_MAILS_PER_MINUTE',
    description: 'of one address',
  }),
  maxMemoryBytes: setting(v.optional(integer(2 * MAX_CONTENT_BYTES, 2 ** 40), 4 * MAX_CONTENT_BYTES), {
    variable: 'RELAY_MAX_MEMORY_BYTES',
    description:
      'bytes of the mails that are being received or passed on, half of it for one address; a mail for which there is no room is answered with 452',
  }),
  idleTimeoutMs: setting(v.optional(timer, 60_000), {
    variable: 'RELAY_IDLE_TIMEOUT_MS',
    description: 'a client that sends nothing for this long is cut off',
  }),
  mailTimeoutMs: setting(v.optional(timer, 600_000), {
    variable: 'RELAY_MAIL_TIMEOUT_MS',
    description: 'and one that takes longer than this for a mail, from its connection or its mail before',
  }),
};

const relayEntries = {
  ...listener,
  ...clients,
  upstream: v.optional(upstreamSchema, {}),
  fallback: relayFallbackSchema,
  idKeys: idKeySetting,
  timeToLiveMs: timeToLiveSetting,
};

const needsCertificate = (given: unknown, tlsCertFile: string | undefined) =>
  given === undefined || tlsCertFile !== undefined;

const NO_CERTIFICATE = 'it needs a certificate: set RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE';

/** No password goes over the network in the clear. */
const relaySchema = v.pipe(
  v.object(relayEntries),
  v.forward(
    v.partialCheck(
      [['users'], ['tlsCertFile']],
      (given) => needsCertificate(given.users, given.tlsCertFile),
      NO_CERTIFICATE,
    ),
    ['users'],
  ),
  v.forward(
    v.partialCheck(
      [['usersFile'], ['tlsCertFile']],
      (given) => needsCertificate(given.usersFile, given.tlsCertFile),
      NO_CERTIFICATE,
    ),
    ['usersFile'],
  ),
  v.forward(
    v.partialCheck(
      [['tlsPort'], ['tlsCertFile']],
      (given) => needsCertificate(given.tlsPort, given.tlsCertFile),
      NO_CERTIFICATE,
    ),
    ['tlsPort'],
  ),
);

/** What the process has besides. */
const processEntries = {
  drainTimeoutMs: setting(v.optional(integer(0, DAY_MS), RELAY_DEFAULTS.drainTimeoutMs), {
    variable: 'RELAY_DRAIN_TIMEOUT_MS',
    description: 'time to finish the mails in progress after SIGTERM',
  }),
  httpHost: setting(v.exactOptional(text), {
    variable: 'RELAY_HTTP_HOST',
    description: 'address of the HTTP server; by default every address of the machine, IPv6 and IPv4',
  }),
  httpPort: setting(v.optional(integer(0, 65_535), RELAY_DEFAULTS.httpPort), {
    variable: 'RELAY_HTTP_PORT',
    description: 'health and metrics; 0 takes any free port',
  }),
  cloudWatchNamespace: setting(v.exactOptional(namespaceSchema), {
    variable: 'RELAY_CLOUDWATCH_NAMESPACE',
    description:
      'that of the worker, `keybuzz/mail-worker`; if set, the relay publishes its counts of SMTP once a minute',
    neededWith: 'cloudWatchStage',
  }),
  cloudWatchStage: setting(v.exactOptional(stageSchema), {
    variable: 'RELAY_CLOUDWATCH_STAGE',
    description: 'needed with `RELAY_CLOUDWATCH_NAMESPACE`',
    neededWith: 'cloudWatchNamespace',
  }),
  cloudWatchEndpoint: setting(v.exactOptional(url), {
    variable: 'AWS_ENDPOINT_URL_CLOUDWATCH',
    description: "an emulator or a VPC endpoint in place of AWS's own",
    isConvention: true,
  }),
  logLevel: setting(v.optional(oneOf(['info', 'warn', 'error']), 'info'), {
    variable: 'LOG_LEVEL',
    description: 'the least severe lines that are logged',
    isConvention: true,
  }),
};

const processSchema = v.pipe(
  v.object({ process: v.object(processEntries), relay: relaySchema }),
  v.transform(({ process, relay }) => ({ ...relay, ...process })),
);

/** What a program sets that runs a relay by itself; docs/settings.md has the table. */
export type RelaySettings = v.InferInput<typeof relaySchema>;

/** With all defaults applied. */
export type CompleteRelaySettings = v.InferOutput<typeof relaySchema>;

/** Everything that the process reads from its environment. */
export type RelayProcessSettings = v.InferOutput<typeof processSchema>;

/** The settings of the process, without those that it shares with the mailer. */
export const RELAY_SETTINGS = listSettings(processSchema).filter(
  ({ name }) => !/^relay\.(?:fallback\.|idKeys|timeToLiveMs)/.test(name),
);

/** @throws {@link SettingsError} that lists every error at once */
export function parseRelaySettings(settings: unknown): CompleteRelaySettings {
  return settingsOf(parseSettings(relaySchema, settings));
}

/**
 * Reads the settings of the process from environment variables; an empty variable counts as not set, and an unknown one
 * that begins like these is wrong.
 *
 * @throws {@link SettingsError} that lists every error at once, without secrets
 */
export function readRelaySettings(env: Environment): RelayProcessSettings {
  return settingsOf(readOwnEnvironment(processSchema, env, Object.values(MAILCTL_VARIABLES)));
}

/**
 * The users of both settings.
 *
 * @throws {@link SettingsError} if the file cannot be read, or a line of it is no user
 */
export function usersOf({
  users: given = '',
  usersFile,
}: Pick<CompleteRelaySettings, 'users' | 'usersFile'>): readonly RelayUser[] {
  const found = parseUsers(usersFile === undefined ? given : `${given}\n${readUsers(usersFile)}`);
  if (found !== undefined) return found;
  throw new SettingsError([describeProblem('usersFile (RELAY_USERS_FILE)', usersFile, `a file of ${USERS}`)]);
}

function readUsers(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError([
      describeProblem('usersFile (RELAY_USERS_FILE)', file, `a file that can be read: ${messageOf(error)}`),
    ]);
  }
}
