import { describe, expect, it } from '@jest/globals';
import { IGNORED_VARIABLES, SettingsError } from '../../lib/common/config.ts';
import { workerMetricNamespace } from '../../lib/domain/metrics.ts';
import { readDatabaseSettings } from '../../lib/worker/database-settings.ts';
import { readWorkerSettings, WORKER_DEFAULTS, WORKER_PROCESS_SETTINGS } from '../../lib/worker/settings.ts';

const MAILER = {
  SMTP_HOST: 'mail-core',
  FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/keybuzz-mail-fallback',
  PAYLOAD_BUCKET: 'keybuzz-payloads',
};
const ENV = { ...MAILER, DATABASE_URL: 'postgres://api:hidden-1@db:5432/keybuzz' };

const read = (env: Record<string, string>) => readWorkerSettings(env, { workerId: 'host-1-abc' });

function messageOf(reading: () => unknown): string {
  try {
    reading();
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('nothing was wrong');
}

describe('the settings of the worker', () => {
  it('give the mailer its key of delivery ids', () => {
    const key = 'a key for tests that nobody guesses 1';
    expect(read({ ...ENV, MAIL_ID_KEY: key }).mailer.idKeys).toEqual([key]);
  });

  it('have the documented defaults', () => {
    const { mailer, ...worker } = read(ENV);

    expect(worker).toEqual({
      database: { connectionString: ENV.DATABASE_URL },
      providers: ['smtp', 'ses'],
      pollIntervalMs: 2_000,
      takeOverDelayMs: 30_000,
      leaseMs: 60_000,
      concurrency: 10,
      handOverConcurrency: 200,
      retryMaxMs: 300_000,
      urgentPriority: 1,
      drainTimeoutMs: WORKER_DEFAULTS.drainTimeoutMs,
      httpPort: WORKER_DEFAULTS.httpPort,
      workerId: 'host-1-abc',
      logLevel: 'info',
    });
    expect(mailer.smtp.host).toBe('mail-core');
  });

  it('are read from the environment, in which an empty variable counts as not set', () => {
    const settings = read({
      ...ENV,
      OUTBOUND_PROVIDERS: 'smtp, ses ,legacy_smtp',
      OUTBOUND_POLL_INTERVAL_MS: '500',
      OUTBOUND_LEASE_MS: '5000',
      OUTBOUND_CONCURRENCY: '7',
      OUTBOUND_HAND_OVER_CONCURRENCY: '50',
      OUTBOUND_RETRY_MAX_MS: '60000',
      OUTBOUND_URGENT_PRIORITY: '10',
      OUTBOUND_DRAIN_TIMEOUT_MS: '0',
      OUTBOUND_HTTP_HOST: '127.0.0.1',
      OUTBOUND_HTTP_PORT: '0',
      OUTBOUND_WORKER_ID: 'worker-7',
      LOG_LEVEL: 'warn',
      PGHOST: '',
    });

    expect(settings).toMatchObject({
      providers: ['smtp', 'ses', 'legacy_smtp'],
      pollIntervalMs: 500,
      leaseMs: 5_000,
      concurrency: 7,
      handOverConcurrency: 50,
      retryMaxMs: 60_000,
      urgentPriority: 10,
      drainTimeoutMs: 0,
      httpHost: '127.0.0.1',
      httpPort: 0,
      workerId: 'worker-7',
      logLevel: 'warn',
    });
    expect(settings.database.host).toBeUndefined();
  });

  it.each([
    ['OUTBOUND_POLL_INTERVAL', 'OUTBOUND_POLL_INTERVAL_MS'],
    ['RECEIPTS_QUEUE', 'RECEIPTS_QUEUE_URL'],
    ['SMTP_PASS', 'SMTP_PASSWORD'],
  ])('refuse %s, which is no variable, and name %s', (misspelt, meant) => {
    expect(() => read({ ...ENV, [misspelt]: '1' })).toThrow(
      `${misspelt} is no setting: ${meant} was probably meant`,
    );
  });

  it('let variables pass that begin like conventions of other programs', () => {
    expect(() =>
      read({ ...ENV, DATABASE_POOL_SIZE: '10', LOG_FORMAT: 'json', PGAPPNAME: 'api' }),
    ).not.toThrow();
  });

  it('default to twice as many mails in flight as connections', () => {
    expect(read({ ...ENV, SMTP_MAX_CONNECTIONS: '20' }).concurrency).toBe(40);
  });

  it('report all errors at once, of the database, the worker and the mailer', () => {
    const message = messageOf(() =>
      read({
        DATABASE_URL: 'mysql://api:hidden-1@db/keybuzz?password=hidden-2',
        PGPORT: '70000',
        PGSSLMODE: 'maybe',
        OUTBOUND_PROVIDERS: 'smtp,,ses',
        OUTBOUND_POLL_INTERVAL_MS: '2s',
        OUTBOUND_LEASE_MS: '5',
        OUTBOUND_CONCURRENCY: '0',
        OUTBOUND_HAND_OVER_CONCURRENCY: '-1',
        OUTBOUND_RETRY_MAX_MS: '99999999999',
        OUTBOUND_URGENT_PRIORITY: '40000',
        OUTBOUND_DRAIN_TIMEOUT_MS: '1.5',
        OUTBOUND_HTTP_PORT: 'tcp://10.0.0.1:80',
        OUTBOUND_WORKER_ID: 'a worker',
        LOG_LEVEL: 'chatty',
        SMTP_PORT: '0',
        SMTP_PASSWORD: 'hidden-3',
        FALLBACK_QUEUE_URL: 'line one\nline two',
      }),
    );

    const [head, ...lines] = message.split('\n');
    expect(head).toBe(`${lines.length} settings are wrong:`);
    expect(lines.map((line) => line.trim())).toEqual([
      'database.connectionString (DATABASE_URL) = "mysql://***": allowed is postgres://user:password@host:port/name',
      'database.port (PGPORT) = 70000: allowed is a whole number from 1 to 65535',
      'database.sslMode (PGSSLMODE) = "maybe": allowed is one of disable, allow, prefer, require, verify-ca, verify-full, no-verify',
      'providers (OUTBOUND_PROVIDERS) = ["smtp","","ses"]: allowed is names of letters, digits, _ and -, with a comma between, none twice',
      'pollIntervalMs (OUTBOUND_POLL_INTERVAL_MS) = "2s": allowed is a whole number from 10 to 86400000',
      'leaseMs (OUTBOUND_LEASE_MS) = 5: allowed is a whole number from 1000 to 86400000',
      'concurrency (OUTBOUND_CONCURRENCY) = 0: allowed is a whole number from 1 to 10000',
      'handOverConcurrency (OUTBOUND_HAND_OVER_CONCURRENCY) = "-1": allowed is a whole number from 1 to 10000',
      'retryMaxMs (OUTBOUND_RETRY_MAX_MS) = 99999999999: allowed is a whole number from 1000 to 86400000',
      'urgentPriority (OUTBOUND_URGENT_PRIORITY) = 40000: allowed is a whole number from -32768 to 32767',
      'drainTimeoutMs (OUTBOUND_DRAIN_TIMEOUT_MS) = "1.5": allowed is a whole number from 0 to 86400000',
      'httpPort (OUTBOUND_HTTP_PORT) = "tcp://10.0.0.1:80": allowed is a whole number from 0 to 65535',
      'workerId (OUTBOUND_WORKER_ID) = "a worker": allowed is 1 to 128 printable ASCII characters without spaces',
      'logLevel (LOG_LEVEL) = "chatty": allowed is one of info, warn, error',
      expect.stringContaining('smtp.host (SMTP_HOST) is not set'),
      expect.stringContaining('smtp.port (SMTP_PORT) = 0'),
      'smtp.user (SMTP_USER) is not set: it is needed with smtp.password (SMTP_PASSWORD)',
      expect.stringContaining('fallback.queueUrl (FALLBACK_QUEUE_URL) = "line one\\nline two"'),
      expect.stringContaining('fallback.payloadBucket (PAYLOAD_BUCKET) is not set'),
    ]);
    expect(message).not.toContain('hidden');
  });

  it('reject a receipts queue of another Region, and name both', () => {
    const receipts = 'https://sqs.eu-central-1.amazonaws.com/1/keybuzz-receipts';

    expect(messageOf(() => read({ ...ENV, RECEIPTS_QUEUE_URL: receipts }))).toContain(
      `receiptsQueueUrl (RECEIPTS_QUEUE_URL) = "${receipts}": the queue is in eu-central-1, but fallback.region (AWS_SES_REGION) is eu-west-1; set both to the same Region`,
    );
  });

  it('define where metrics are published, which by default is nowhere', () => {
    const settings = read({
      ...ENV,
      OUTBOUND_CLOUDWATCH_NAMESPACE: 'keybuzz/mail-worker',
      OUTBOUND_CLOUDWATCH_STAGE: 'prod',
      AWS_ENDPOINT_URL_CLOUDWATCH: 'http://127.0.0.1:4566',
    });

    expect(settings).toMatchObject({
      cloudWatchNamespace: 'keybuzz/mail-worker',
      cloudWatchStage: 'prod',
      cloudWatchEndpoint: 'http://127.0.0.1:4566',
    });
    expect(Object.keys(read(ENV)).filter((name) => name.startsWith('cloudWatch'))).toEqual([]);
  });

  it.each([
    [
      { OUTBOUND_CLOUDWATCH_NAMESPACE: 'keybuzz/mail-worker' },
      'cloudWatchStage (OUTBOUND_CLOUDWATCH_STAGE) is not set: it is needed with cloudWatchNamespace (OUTBOUND_CLOUDWATCH_NAMESPACE)',
    ],
    [
      { OUTBOUND_CLOUDWATCH_STAGE: 'dev', OUTBOUND_CONCURRENCY: '0' },
      'cloudWatchNamespace (OUTBOUND_CLOUDWATCH_NAMESPACE) is not set: it is needed with cloudWatchStage (OUTBOUND_CLOUDWATCH_STAGE)',
    ],
    [
      { OUTBOUND_CLOUDWATCH_NAMESPACE: 'keybuzz/mail-worker', OUTBOUND_CLOUDWATCH_STAGE: 'test' },
      'cloudWatchStage (OUTBOUND_CLOUDWATCH_STAGE) = "test": allowed is one of dev, prod',
    ],
    [
      { OUTBOUND_CLOUDWATCH_NAMESPACE: 'AWS/SES', OUTBOUND_CLOUDWATCH_STAGE: 'dev' },
      'cloudWatchNamespace (OUTBOUND_CLOUDWATCH_NAMESPACE) = "AWS/SES": allowed is a namespace of CloudWatch',
    ],
    [
      { AWS_ENDPOINT_URL_CLOUDWATCH: 'cloudwatch' },
      'cloudWatchEndpoint (AWS_ENDPOINT_URL_CLOUDWATCH) = "cloudwatch": allowed is a URL',
    ],
  ])('reject %j', (env, problem) => {
    expect(messageOf(() => read({ ...ENV, ...env }))).toContain(problem);
  });

  it('accept the namespace that the stack grants access to', () => {
    const OUTBOUND_CLOUDWATCH_NAMESPACE = workerMetricNamespace('keybuzz');

    expect(
      read({ ...ENV, OUTBOUND_CLOUDWATCH_NAMESPACE, OUTBOUND_CLOUDWATCH_STAGE: 'dev' }).cloudWatchNamespace,
    ).toBe(OUTBOUND_CLOUDWATCH_NAMESPACE);
  });

  it.each(['smtp,smtp', 'smtp;ses', ' ', "x'; drop table outbound_deliveries --"])(
    'reject %j as providers',
    (OUTBOUND_PROVIDERS) => {
      expect(() => read({ ...ENV, OUTBOUND_PROVIDERS })).toThrow('providers (OUTBOUND_PROVIDERS)');
    },
  );

  it('have a table of every variable, each once', () => {
    const variables = WORKER_PROCESS_SETTINGS.map(({ variable }) => variable);

    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).not.toContain(undefined);
  });

  it('are all read by the variables of the table', () => {
    const variables = new Set<string | symbol>();
    const env = new Proxy<Record<string, string>>(ENV, {
      get: (target, name) => {
        variables.add(name);
        return Reflect.get(target, name);
      },
    });
    read(env);

    const documented = WORKER_PROCESS_SETTINGS.map(({ variable }) => variable);
    expect([...variables].sort()).toEqual([...documented, IGNORED_VARIABLES].sort());
  });
});

describe('the settings of the database', () => {
  it('are read as pg reads them, without those of the mailer', () => {
    expect(
      readDatabaseSettings({
        PGHOST: '/var/run/postgresql',
        PGPORT: '5433',
        PGUSER: 'api',
        PGPASSWORD: 'hidden',
        PGDATABASE: 'keybuzz',
        PGSSLMODE: 'verify-full',
      }),
    ).toEqual({
      host: '/var/run/postgresql',
      port: 5433,
      user: 'api',
      password: 'hidden',
      database: 'keybuzz',
      sslMode: 'verify-full',
    });
  });

  it.each(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'])(
    'accept %s as the SSL mode',
    (PGSSLMODE) => {
      expect(readDatabaseSettings({ PGHOST: 'db', PGSSLMODE }).sslMode).toEqual(PGSSLMODE);
    },
  );

  it('need a URL or a host', () => {
    for (const env of [{}, { DATABASE_URL: '', PGHOST: '' }, { PGUSER: 'api', PGDATABASE: 'keybuzz' }]) {
      expect(messageOf(() => readDatabaseSettings(env))).toContain(
        'database.connectionString (DATABASE_URL) is not set: it is needed, or database.host (PGHOST) in its place',
      );
    }
  });

  it.each([
    'postgres://db/keybuzz',
    'postgresql://api:p%40ss@db:5432/keybuzz?sslmode=verify-full',
    'postgres://api:pass@/keybuzz?host=/var/run/postgresql',
    'postgres://[::1]:5432/keybuzz',
    'postgresql:///keybuzz',
    'postgresql://db/keybuzz?schema=api&sslmode=require&sslrootcert=/ca.pem&connect_timeout=3&application_name=x',
  ])('accept %s', (DATABASE_URL) => {
    expect(readDatabaseSettings({ DATABASE_URL })).toEqual({ connectionString: DATABASE_URL });
  });

  it.each([
    ['shema=api', 'the parameter shema is not known: allowed are '],
    [
      'schema=api&pool_size=3&pgbouncer=true',
      'the parameter pool_size, pgbouncer is not known: allowed are ',
    ],
    ['schema=', 'the parameter schema is not valid'],
    [
      'sslmode=maybe',
      'the parameter sslmode is not valid: allowed is one of disable, allow, prefer, require',
    ],
    ['connect_timeout=soon', 'the parameter connect_timeout is not valid'],
    // As of a password that is not percent-encoded.
    ['hidden@db/x', 'the parameter *** is not known'],
    ['password=hidden&hidden@db=1', 'the parameter *** is not known'],
  ])('refuse the parameters %s by name', (parameters, problem) => {
    const message = messageOf(() =>
      readDatabaseSettings({ DATABASE_URL: `postgres://api:hidden@db/x?${parameters}` }),
    );

    expect(message).toContain(`database.connectionString (DATABASE_URL) = "postgres://***": ${problem}`);
    expect(message).not.toContain('hidden');
  });

  it.each([
    'hidden',
    'api:hidden@db/keybuzz',
    'postgres:api:hidden@db',
    'postgres//api:hidden@db/keybuzz',
    'postgres://api:hidden@db:port/keybuzz',
    'mysql://hidden@db/keybuzz',
  ])('show only the scheme of %s', (DATABASE_URL) => {
    const message = messageOf(() => readDatabaseSettings({ DATABASE_URL }));

    expect(message).toContain('database.connectionString (DATABASE_URL) = ');
    expect(message).toContain('***');
    expect(message).not.toContain('hidden');
  });
});
