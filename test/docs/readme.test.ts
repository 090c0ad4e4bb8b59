import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { classifySesError } from '../../lib/adapters/ses/classify-ses-error.ts';
import { STATUS_KINDS } from '../../lib/domain/delivery-status.ts';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';
import { MAILER_ENVIRONMENT, readMailerSettings } from '../../lib/mailer/settings.ts';
import { WORKER_PROCESS_ENVIRONMENT } from '../../lib/worker/settings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const readme = read('README.md');
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];

/** The cells of the table row that starts with the setting. */
function rowOf(setting: string): string[] {
  const row = readme.split('\n').find((line) => line.startsWith(`| \`${setting}\` |`)) ?? '';
  return row.split('|').map((cell) => cell.trim());
}

describe('the README', () => {
  it('opens with the two commands', () => {
    const firstScreen = readme.split('\n').slice(0, 32).join('\n');

    expect(firstScreen).toContain('npm ci && npm start');
    expect(firstScreen).toContain('npm ci && npm test');
  });

  it.each(WORKER_PROCESS_ENVIRONMENT.map(([setting, variable]) => [setting, variable]))(
    'has a row of the worker for %s with its variable',
    (setting, variable) => {
      expect(rowOf(setting)[2]).toBe(`\`${variable}\``);
    },
  );

  it.each(MAILER_ENVIRONMENT.map(([setting, variable]) => [setting, variable]))(
    'has a row for %s with its variable',
    (setting, variable) => {
      expect(rowOf(setting)[2]).toBe(`\`${variable}\``);
    },
  );

  it('tells the defaults that the code has', () => {
    const settings = readMailerSettings({
      SMTP_HOST: 'mail-core',
      FALLBACK_QUEUE_URL: 'https://sqs.example/1/q',
      PAYLOAD_BUCKET: 'bucket',
    });
    const { smtp, fallback, onUnknown, timeToLiveMs } = settings;

    for (const name of [
      'port',
      'connectTimeoutMs',
      'greetingTimeoutMs',
      'socketTimeoutMs',
      'sendTimeoutMs',
      'maxConnections',
      'breakerFailures',
      'breakerProbeIntervalMs',
      'requireTls',
      'tlsRejectUnauthorized',
    ] as const) {
      expect([name, rowOf(`smtp.${name}`)[3]]).toEqual([name, String(smtp[name])]);
    }
    expect(rowOf('fallback.region')[3]).toBe(fallback.region);
    expect(rowOf('onUnknown')[3]).toBe(onUnknown);
    expect(rowOf('timeToLiveMs')[3]).toContain(String(timeToLiveMs));
  });

  it('tells the settings of cdk.json and their values', () => {
    for (const [name, value] of Object.entries(JSON.parse(read('cdk.json')).context.mail)) {
      expect([name, rowOf(name)[2]]).toEqual([name, String(value)]);
    }
  });

  it.each(FAILURE_CLASSES)('explains the class %s', (failureClass) => {
    expect(readme).toContain(`| \`${failureClass}\` |`);
  });

  it.each(STATUS_KINDS)('explains the receipt %s', (kind) => {
    expect(readme).toContain(`| \`${kind}\` |`);
  });

  it('explains the reasons of dead letters that come from SES', () => {
    for (const code of ['MessageRejected', 'InvalidParameterValue']) {
      expect(readme).toContain(`\`${classifySesError(code, '', 400).cause}\``);
    }
  });
});

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to nothing that is not there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, script = '']) => script);

    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});
