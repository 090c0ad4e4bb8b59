import { describe, expect, it } from '@jest/globals';
import { SettingsError } from '../../lib/common/config.ts';
import { parseMailerSettings, readMailerSettings } from '../../lib/mailer/settings.ts';

const ENV = {
  SMTP_HOST: 'mail-core',
  FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/keybuzz-mail-fallback',
  PAYLOAD_BUCKET: 'keybuzz-payloads',
};

function problemsOf(settings: unknown): readonly string[] {
  try {
    parseMailerSettings(settings);
    return [];
  } catch (error) {
    return error instanceof SettingsError ? error.problems : [String(error)];
  }
}

describe('the settings of the mailer', () => {
  it('have the documented defaults', () => {
    expect(readMailerSettings(ENV)).toEqual({
      smtp: {
        host: 'mail-core',
        port: 587,
        secure: false,
        requireTls: false,
        tlsRejectUnauthorized: true,
        connectTimeoutMs: 5_000,
        greetingTimeoutMs: 5_000,
        socketTimeoutMs: 30_000,
        sendTimeoutMs: 120_000,
        maxConnections: 5,
        breakerFailures: 3,
        breakerProbeIntervalMs: 5_000,
      },
      fallback: {
        queueUrl: ENV.FALLBACK_QUEUE_URL,
        payloadBucket: 'keybuzz-payloads',
        region: 'eu-west-1',
      },
      onUnknown: 'hand-over',
      timeToLiveMs: 345_600_000,
    });
  });

  it('are read from the environment by the names of the Vault secrets', () => {
    const settings = readMailerSettings({
      ...ENV,
      SMTP_PORT: '465',
      SMTP_USER: 'api',
      SMTP_PASSWORD: 'secret',
      SMTP_TLS_REJECT_UNAUTHORIZED: 'false',
      AWS_SES_ACCESS_KEY: 'AKIA',
      AWS_SES_SECRET_KEY: 'hidden',
      AWS_SES_REGION: 'eu-central-1',
      FALLBACK_QUEUE_URL: 'https://sqs.eu-central-1.amazonaws.com/1/keybuzz-mail-fallback',
      MAIL_ON_UNKNOWN: 'hold',
      SMTP_TLS_CA: '',
    });

    expect(settings).toMatchObject({
      smtp: { port: 465, secure: true, user: 'api', password: 'secret', tlsRejectUnauthorized: false },
      fallback: { accessKeyId: 'AKIA', secretAccessKey: 'hidden', region: 'eu-central-1' },
      onUnknown: 'hold',
    });
    expect(settings.smtp.tlsCa).toBeUndefined();
  });

  it.each([
    ['SMTP_PASS', 'SMTP_PASSWORD'],
    ['SMTP_PASSWD', 'SMTP_PASSWORD'],
    ['SMTP_USERNAME', 'SMTP_USER'],
    ['SMTP_REQUIRETLS', 'SMTP_REQUIRE_TLS'],
    ['SMTP_TLS_REQUIRE', 'SMTP_REQUIRE_TLS'],
    ['MAIL_ONUNKNOWN', 'MAIL_ON_UNKNOWN'],
    ['FALLBACK_QUEUE', 'FALLBACK_QUEUE_URL'],
    ['PAYLOAD_BUCKET_NAME', 'PAYLOAD_BUCKET'],
    ['AWS_SES_SECRET_ACCESS_KEY', 'AWS_SES_SECRET_KEY'],
  ])('refuse %s, which is no variable, and name %s without its value', (misspelt, meant) => {
    const read = () => readMailerSettings({ ...ENV, [misspelt]: 'hidden-1' });

    expect(read).toThrow(SettingsError);
    expect(read).toThrow(`${misspelt} is no setting: ${meant} was probably meant`);
    expect(read).not.toThrow('hidden-1');
  });

  it('refuse an unknown variable together with every other error', () => {
    const read = () => readMailerSettings({ ...ENV, SMTP_HOST: '', SMTP_PORT: '0', MAIL_ONUNKNOWN: 'hold' });

    expect(read).toThrow(/MAIL_ONUNKNOWN is no setting/);
    expect(read).toThrow(/SMTP_HOST/);
    expect(read).toThrow(/SMTP_PORT/);
  });

  it('list all variables of a prefix if none is near', () => {
    const read = () => readMailerSettings({ ...ENV, PAYLOAD_XY: 'a' });

    expect(read).toThrow('PAYLOAD_XY is no setting: there are PAYLOAD_BUCKET;');
  });

  it('let a variable pass that is empty, of another program, or listed as one', () => {
    const others = {
      SMTP_PASS: '',
      SMTP_FROM: 'support@keybuzz.io',
      MAIL_IGNORED_VARIABLES: 'SMTP_FROM, SMTP_REPLY_TO',
      MAIL_STAGE: 'prod',
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
      MAILGUN_KEY: 'x',
      SMTPD_BANNER: 'x',
    };

    expect(readMailerSettings({ ...ENV, ...others })).toEqual(readMailerSettings(ENV));
  });

  it('let the variables pass that Kubernetes sets for its services', () => {
    const links = {
      SMTP_RELAY_SERVICE_HOST: '10.0.0.11',
      SMTP_RELAY_SERVICE_PORT: '25',
      SMTP_RELAY_SERVICE_PORT_SUBMISSION: '587',
      SMTP_RELAY_PORT: 'tcp://10.0.0.11:25',
      SMTP_RELAY_PORT_25_TCP: 'tcp://10.0.0.11:25',
      SMTP_RELAY_PORT_25_TCP_PROTO: 'tcp',
      SMTP_RELAY_PORT_25_TCP_PORT: '25',
      SMTP_RELAY_PORT_25_TCP_ADDR: '10.0.0.11',
      MAIL_CORE_SERVICE_HOST: '10.0.0.12',
      MAIL_CORE_PORT: 'tcp://10.0.0.12:587',
    };

    expect(readMailerSettings({ ...ENV, ...links })).toEqual(readMailerSettings(ENV));
    expect(() => readMailerSettings({ ...ENV, SMTP_RELAY_PORT: '25' })).toThrow(
      'SMTP_RELAY_PORT is no setting',
    );
  });

  it('know the domain that SES sends for', () => {
    expect(readMailerSettings({ ...ENV, MAIL_DOMAIN: 'keybuzz.io' }).fallback.domain).toBe('keybuzz.io');
    expect(() => readMailerSettings({ ...ENV, MAIL_DOMAIN: 'support@keybuzz.io' })).toThrow(
      'fallback.domain (MAIL_DOMAIN) = "support@keybuzz.io": allowed is a domain name in lower case',
    );
  });

  it('report all errors at once: the setting, its value and what is allowed', () => {
    const read = () =>
      readMailerSettings({
        SMTP_PORT: '70000',
        SMTP_SECURE: 'maybe',
        SMTP_USER: 'api',
        SMTP_MAX_CONNECTIONS: '0',
        FALLBACK_QUEUE_URL: 'queue',
        AWS_SES_REGION: 'Ireland',
        AWS_SES_ACCESS_KEY: 'AKIA',
        MAIL_ON_UNKNOWN: 'drop',
      });

    for (const line of [
      'smtp.host (SMTP_HOST) is not set: it is needed, allowed is a host name such as mail-core, or an IP address, without smtp:// and port; the port goes to SMTP_PORT',
      'smtp.port (SMTP_PORT) = 70000: allowed is a whole number from 1 to 65535',
      'smtp.secure (SMTP_SECURE) = "maybe": allowed is true or false',
      'smtp.password (SMTP_PASSWORD) is not set: it is needed with smtp.user (SMTP_USER)',
      'fallback.secretAccessKey (AWS_SES_SECRET_KEY) is not set: it is needed with fallback.accessKeyId (AWS_SES_ACCESS_KEY)',
      'smtp.maxConnections (SMTP_MAX_CONNECTIONS) = 0: allowed is a whole number from 1 to 10000',
      'fallback.queueUrl (FALLBACK_QUEUE_URL) = "queue": allowed is a URL',
      'fallback.payloadBucket (PAYLOAD_BUCKET) is not set: it is needed, allowed is the name of an S3 bucket',
      'fallback.region (AWS_SES_REGION) = "Ireland": allowed is an AWS Region such as eu-west-1',
      'onUnknown (MAIL_ON_UNKNOWN) = "drop": allowed is one of hand-over, hold',
    ]) {
      expect(read).toThrow(line);
    }
  });

  it('require name and password together, and both parts of the key', () => {
    const read = () => readMailerSettings({ ...ENV, SMTP_USER: 'api', AWS_SES_SECRET_KEY: 'hidden' });

    expect(read).toThrow('smtp.password (SMTP_PASSWORD) is not set: it is needed with smtp.user (SMTP_USER)');
    expect(read).toThrow(
      'fallback.accessKeyId (AWS_SES_ACCESS_KEY) is not set: it is needed with fallback.secretAccessKey (AWS_SES_SECRET_KEY)',
    );
    expect(read).not.toThrow('hidden');
  });

  it.each([
    ['SMTP_SEND_TIMEOUT_MS', '99999999999', 'a whole number from 1 to 2147483647'],
    ['SMTP_CONNECT_TIMEOUT_MS', '2147483648', 'a whole number from 1 to 2147483647'],
    ['SMTP_MAX_CONNECTIONS', '1000000', 'a whole number from 1 to 10000'],
    ['MAIL_TIME_TO_LIVE_MS', '900000000000000', 'a whole number from 1 to 31536000000'],
  ])('are rejected if out of range for a timer or clock: %s', (variable, value, allowed) => {
    expect(() => readMailerSettings({ ...ENV, [variable]: value })).toThrow(
      `${value}: allowed is ${allowed}`,
    );
  });

  it('are rejected if misspelt, each with the existing ones', () => {
    const misspelt = {
      smtp: { host: 'mail-core', requireTLS: true, tls: { rejectUnauthorized: false } },
      fallback: { queueUrl: ENV.FALLBACK_QUEUE_URL, payloadBucket: 'keybuzz-payloads' },
      onUnkown: 'hold',
    };

    expect(() => parseMailerSettings(misspelt)).toThrow(SettingsError);
    expect(problemsOf(misspelt)).toEqual([
      'onUnkown is no setting: allowed are smtp, fallback, onUnknown, timeToLiveMs, idKeys',
      expect.stringMatching(/^smtp\.requireTLS is no setting: allowed are smtp\.host, .*smtp\.requireTls, /),
      expect.stringMatching(/^smtp\.tls is no setting: allowed are /),
    ]);
  });

  it.each([
    'smtp://mail-core:587',
    'mail-core:587',
    '[::1]:587',
    'smtp.example.org/',
    'api@mail-core',
    'mail core',
    '   ',
    '[mail-core]',
    '.mail-core',
  ])('reject what is no host name, and say where the port goes: %j', (host) => {
    expect(() => readMailerSettings({ ...ENV, SMTP_HOST: host })).toThrow(
      `smtp.host (SMTP_HOST) = ${JSON.stringify(host)}: allowed is a host name such as mail-core, or an IP address, without smtp:// and port; the port goes to SMTP_PORT`,
    );
  });

  it.each([
    ['mail-core.keybuzz.svc.cluster.local.', 'mail-core.keybuzz.svc.cluster.local.'],
    ['mail_core', 'mail_core'],
    ['10.0.0.7', '10.0.0.7'],
    ['fd00::7', 'fd00::7'],
    ['[::1]', '::1'],
    [' mail-core\n', 'mail-core'],
    ['poststelle.bücher.example', 'poststelle.bücher.example'],
  ])('read the host %j as %s', (given, host) => {
    expect(readMailerSettings({ ...ENV, SMTP_HOST: given }).smtp.host).toBe(host);
  });

  it.each([
    'https://sqs.eu-central-1.amazonaws.com/1/fallback',
    'https://eu-central-1.queue.amazonaws.com/1/fallback',
    'https://sqs.eu-central-1.api.aws/1/fallback',
    'https://sqs-fips.eu-central-1.amazonaws.com/1/fallback',
    'https://vpce-1-2.sqs.eu-central-1.vpce.amazonaws.com/1/fallback',
  ])('reject a queue of another Region, and name both: %s', (queueUrl) => {
    const problem = [
      `fallback.queueUrl (FALLBACK_QUEUE_URL) = "${queueUrl}": the queue is in eu-central-1, but fallback.region (AWS_SES_REGION) is eu-west-1; set both to the same Region`,
    ];
    const fallback = { queueUrl, payloadBucket: 'keybuzz-payloads' };
    expect(problemsOf({ smtp: { host: 'mail-core' }, fallback })).toEqual(problem);
    expect(
      problemsOf({ smtp: { host: 'mail-core' }, fallback: { ...fallback, region: 'eu-west-1' } }),
    ).toEqual(problem);
    expect(
      problemsOf({ smtp: { host: 'mail-core' }, fallback: { ...fallback, region: 'eu-central-1' } }),
    ).toEqual([]);
  });

  it('reject an urgent queue of another Region, too', () => {
    const urgent = 'https://sqs.eu-central-1.amazonaws.com/1/keybuzz-mail-fallback-urgent';
    const settings = { ...ENV, FALLBACK_URGENT_QUEUE_URL: urgent };
    expect(() => readMailerSettings(settings)).toThrow(
      `fallback.urgentQueueUrl (FALLBACK_URGENT_QUEUE_URL) = "${urgent}": the queue is in eu-central-1`,
    );
    const here = urgent.replace('central', 'west');
    expect(readMailerSettings({ ...settings, FALLBACK_URGENT_QUEUE_URL: here }).fallback.urgentQueueUrl).toBe(
      here,
    );
  });

  it.each([
    'http://127.0.0.1:4566/000000000000/fallback',
    'http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/fallback',
    'https://queue.example.org/fallback',
  ])('take the queue of an emulator, which has no Region: %s', (queueUrl) => {
    expect(readMailerSettings({ ...ENV, FALLBACK_QUEUE_URL: queueUrl }).fallback.queueUrl).toBe(queueUrl);
  });

  it('name a queue of another Region beside all other errors', () => {
    const read = () => readMailerSettings({ ...ENV, SMTP_PORT: '0', AWS_SES_REGION: 'eu-central-1' });

    expect(read).toThrow('2 settings are wrong');
    expect(read).toThrow('the queue is in eu-west-1, but fallback.region (AWS_SES_REGION) is eu-central-1');
  });

  it('never show a secret', () => {
    const wrong = { smtp: { host: 'mail-core', user: 'api', password: 12345 }, fallback: {} };

    expect(() => parseMailerSettings(wrong)).toThrow('smtp.password (SMTP_PASSWORD) = ***');
  });
});
