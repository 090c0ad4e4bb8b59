import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readSettings, type Settings } from '../../lib/infra/settings.ts';

const cdkJson: { context: Record<string, unknown> } = JSON.parse(
  readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
);

function settingsFrom(context: Readonly<Record<string, unknown>>): Settings {
  const read = readSettings(context);
  if (read.kind === 'invalid') throw new Error(read.message);
  return read.settings;
}

function messageFor(context: Readonly<Record<string, unknown>>): string {
  const read = readSettings(context);
  if (read.kind === 'valid') throw new Error(`was taken: ${JSON.stringify(read.settings)}`);
  return read.message;
}

describe('the settings', () => {
  it('are valid in cdk.json', () => {
    expect(readSettings(cdkJson.context)).toMatchObject({ kind: 'valid' });
  });

  it('are overridden one by one, by strings from the command line', () => {
    const settings = settingsFrom({
      mail: settingsFrom({}),
      stage: 'prod',
      'mail.userName': 'mailer',
      account: '001234567890',
      payloadRetentionDays: '50',
      logRetentionDays: '90',
      maximumConcurrency: '1000',
      feedbackMaximumConcurrency: '50',
      ledgerRetentionDays: '42',
      softBounceLimit: '20',
      softBounceWindowDays: '90',
      suppressionExemptTenants: 'tenant-1,keybuzz:internal',
      eventWaitLeastSeconds: '30',
      eventWaitDefaultSeconds: '30',
      eventWaitMostSeconds: '43200',
      alarms: 'all',
      accountMonitoring: 'dev',
      alarmEmail: 'on-call@example.org,second@example.org',
      runbookUrl: 'https://wiki.example.org/mail',
      dashboards: 'false',
      workerMetrics: 'true',
    });
    expect(settings).toEqual({
      ...settingsFrom({}),
      stage: 'prod',
      userName: 'mailer',
      account: '001234567890',
      payloadRetentionDays: 50,
      logRetentionDays: 90,
      maximumConcurrency: 1000,
      feedbackMaximumConcurrency: 50,
      ledgerRetentionDays: 42,
      softBounceLimit: 20,
      softBounceWindowDays: 90,
      suppressionExemptTenants: ['tenant-1', 'keybuzz:internal'],
      eventWaitLeastSeconds: 30,
      eventWaitDefaultSeconds: 30,
      eventWaitMostSeconds: 43_200,
      alarms: 'all',
      accountMonitoring: 'dev',
      alarmEmail: ['on-call@example.org', 'second@example.org'],
      runbookUrl: 'https://wiki.example.org/mail',
      dashboards: false,
      workerMetrics: true,
    });
  });

  it.each([
    ['a list', ['a', 'b-2'], ['a', 'b-2']],
    ['a text', 'a,b-2', ['a', 'b-2']],
    ['an empty text', '', []],
    ['an empty list', [], []],
    ['a long id', '~'.repeat(128), ['~'.repeat(128)]],
  ])('take the tenants as %s', (_form, suppressionExemptTenants, tenants) => {
    expect(settingsFrom({ mail: { suppressionExemptTenants } }).suppressionExemptTenants).toEqual(tenants);
  });

  it('take no address for nobody who is told by mail', () => {
    expect(settingsFrom({ mail: { alarmEmail: '' } }).alarmEmail).toEqual([]);
  });

  it.each([
    [{ eventWaitLeastSeconds: 901 }, 'eventWaitDefaultSeconds = 900', 'from eventWaitLeastSeconds (901)'],
    [{ eventWaitDefaultSeconds: 59 }, 'eventWaitDefaultSeconds = 59', 'from eventWaitLeastSeconds (60)'],
    [{ eventWaitMostSeconds: '899' }, 'eventWaitDefaultSeconds = 900', 'to eventWaitMostSeconds (899)'],
  ])('refuse waits that are out of order: %j', (waits, wrong, allowed) => {
    const message = messageFor({ mail: waits });
    expect(message).toContain(wrong);
    expect(message).toContain(allowed);
  });

  it.each([
    ['domain', 'localhost', 'a domain name in lower case'],
    ['domain', 'KeyBuzz.io', 'a domain name in lower case'],
    ['domain', 'keybuzz.io.', 'a domain name in lower case'],
    ['domain', '-keybuzz.io', 'a domain name in lower case'],
    ['domain', `${'a.'.repeat(130)}io`, 'a domain name in lower case'],
    ['stage', 'production', 'one of dev, prod'],
    ['region', 'eu-west-11', 'one of '],
    ['region', 'cn-north-1', 'eu-west-1, '],
    ['account', '12345', '12 digits'],
    ['account', 123456789012, '12 digits as a string'],
    ['mailFromSubdomain', 'a.b', 'one label'],
    ['mailFromSubdomain', '', 'one label'],
    ['userName', 'key buzz', '1 to 60'],
    ['userName', 'k'.repeat(61), '1 to 60'],
    ['project', 'KeyBuzz', '1 to 20 lower-case letters'],
    ['hostedZoneId', '/hostedzone/Z123', 'the id of the public Route 53 zone'],
    ['publishDmarc', 'no', 'true or false'],
    ['payloadRetentionDays', '41', 'a whole number from 42 to 365'],
    ['payloadRetentionDays', 366, 'a whole number from 42 to 365'],
    ['logRetentionDays', 31, 'one of 1, 3, 5, 7, 14, 30'],
    ['logRetentionDays', '9999', 'one of 1, 3, 5, 7, 14, 30'],
    ['maximumConcurrency', 1, 'a whole number from 2 to 1000'],
    ['maximumConcurrency', '1001', 'a whole number from 2 to 1000'],
    ['maximumConcurrency', '2.5', 'a whole number from 2 to 1000'],
    ['maximumConcurrency', '', 'a whole number from 2 to 1000'],
    ['feedbackMaximumConcurrency', 1, 'a whole number from 2 to 1000'],
    ['ledgerRetentionDays', 41, 'a whole number from 42 to 365'],
    ['ledgerRetentionDays', '366', 'a whole number from 42 to 365'],
    ['softBounceLimit', 0, 'a whole number from 1 to 20'],
    ['softBounceLimit', '21', 'a whole number from 1 to 20'],
    ['softBounceWindowDays', 0, 'a whole number from 1 to 90'],
    ['softBounceWindowDays', '91', 'a whole number from 1 to 90'],
    ['eventWaitLeastSeconds', 0, 'a whole number from 1 to 43200'],
    ['eventWaitDefaultSeconds', '1.5', 'a whole number from 1 to 43200'],
    ['eventWaitMostSeconds', 43_201, 'a whole number from 1 to 43200'],
    ['suppressionExemptTenants', 'a,,b', 'a list of tenant ids'],
    ['suppressionExemptTenants', 'a, b', 'without space and comma'],
    ['suppressionExemptTenants', ['a,b'], 'without space and comma'],
    ['suppressionExemptTenants', ['é'], 'printable ASCII'],
    ['suppressionExemptTenants', ['a'.repeat(129)], 'of 1 to 128'],
    ['suppressionExemptTenants', Array(20).fill('a'.repeat(128)), 'all together up to 2048'],
    ['suppressionExemptTenants', 7, 'a list of tenant ids'],
    ['tlsPolicy', 'always', 'one of optional, require'],
    ['region', 'mx-central-1', 'one of af-south-1'],
    ['allowedSourceAddresses', '203.0.113.0/33', 'a list of up to 50 IP addresses'],
    ['allowedSourceAddresses', ['office.example.org'], 'a list of up to 50 IP addresses'],
    ['allowedSourceAddresses', ['10.0.0.0/8/8'], 'a list of up to 50 IP addresses'],
    ['accountMonitoring', 'both', 'one of dev, prod'],
    ['mailPerHourLimit', 0, 'a whole number from 1 to'],
    ['alarms', 'some', 'one of essential, all, none'],
    ['alarms', true, 'one of essential, all, none'],
    ['alarmEmail', 'on-call', 'a list of up to 10 addresses'],
    ['alarmEmail', 'a@b.example, c@d.example', 'a comma between each two'],
    ['alarmEmail', ['a@b.example,c@d.example'], 'a list of up to 10 addresses'],
    ['alarmEmail', Array(11).fill('a@b.example'), 'a list of up to 10 addresses'],
    ['runbookUrl', 'http://wiki.example.org', 'an https URL'],
    ['runbookUrl', 'https://wiki.example.org/mail#top', 'without #'],
    ['runbookUrl', `https://wiki.example.org/${'x'.repeat(176)}`, 'at most 200 characters'],
    ['dashboards', 'yes', 'true or false'],
    ['workerMetrics', 1, 'true or false'],
  ])('refuse %s = %j and say what is allowed', (name, value, allowed) => {
    const lines = messageFor({ mail: { [name]: value } }).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`${name} = ${JSON.stringify(value)}: allowed is `);
    expect(lines[1]).toContain(allowed);
  });

  it('refuse mail as the MAIL FROM subdomain and say why', () => {
    const message = messageFor({ mail: { mailFromSubdomain: 'mail' } });
    expect(message).toContain('mailFromSubdomain = "mail"');
    expect(message).toContain('mail.keybuzz.io) is the host of mail-core itself');
    expect(message).toContain("the MX of a MAIL FROM domain must be SES's");
  });

  it.each([
    ['in cdk.json', { mail: { stgae: 'prod' } }],
    ['with -c', { stgae: 'prod' }],
    ['with -c and the prefix', { 'mail.stgae': 'prod' }],
  ])('refuse a name that is not one of theirs, %s', (_where, context) => {
    const message = messageFor(context);
    expect(message).toContain('stgae is no setting: allowed are ');
    expect(message).toContain('project, stage, domain');
  });

  it.each([
    ['domain', 'example.org'],
    ['mail.domain', 'example.org'],
    ['hostedZoneId', 'Z123456ABCDEFG'],
    ['mailFromSubdomain', 'bounce'],
    ['publishDmarc', 'false'],
  ])('refuse %s with -c, which both stages share', (name, value) => {
    expect(messageFor({ [name]: value })).toContain(
      'allowed is cdk.json alone, not -c: both stages share it',
    );
  });

  it('leave the context of the CDK alone', () => {
    const context = { 'aws:cdk:enable-path-metadata': true, '@aws-cdk/core:x': true, 'cli-telemetry': false };
    expect(settingsFrom(context)).toEqual(settingsFrom({}));
  });

  it('refuse anything but an object in cdk.json', () => {
    expect(messageFor({ mail: 'prod' })).toContain('mail = "prod": allowed is an object with project, stage');
    expect(messageFor({ mail: ['prod'] })).toContain('mail = ["prod"]');
  });

  it('name all that is wrong at once, each once', () => {
    const message = messageFor({
      mail: { domain: 'x', region: 'mars', stage: 'test' },
      maximumConcurrency: 1.5,
    });
    const wrong = message.split('\n').slice(1);
    expect(wrong.map((text) => text.trim().split(' = ')[0]).sort()).toEqual([
      'domain',
      'maximumConcurrency',
      'region',
      'stage',
    ]);
  });
});
