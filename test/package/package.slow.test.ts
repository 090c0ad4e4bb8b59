import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { InstalledPackage } from './installed-package.ts';

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await InstalledPackage.create();
});

afterAll(async () => {
  await installed.remove();
});

describe('the contents of the package', () => {
  it('include the code that the API runs, its types and the contract', async () => {
    const files = await installed.files();
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'package.json',
        'dist/lib/index.js',
        'dist/lib/index.d.ts',
        'dist/cjs/index.js',
        'dist/cjs/index.d.ts',
        'docs/contract/envelope.v1.schema.json',
        // mailctl and the alarms link to it.
        'docs/runbook.md',
      ]),
    );
  });

  it('have entry points for tools that do not read `exports`', async () => {
    const { main, types } = await installed.manifest();
    expect([main, types]).toEqual(['./dist/cjs/index.js', './dist/cjs/index.d.ts']);
  });

  it('install little: no client of AWS that only a command needs', async () => {
    const { dependencies = {} } = await installed.manifest();
    expect(Object.keys(dependencies).filter((name) => name.startsWith('@aws-sdk/'))).toEqual([
      '@aws-sdk/client-s3',
      '@aws-sdk/client-sqs',
    ]);
    expect((await installed.installedBytes()) / 1024 / 1024).toBeLessThan(40);
  });

  it('include the licences of what is bundled into the commands', async () => {
    const licences = await installed.read('dist/bin/THIRD-PARTY-LICENCES.txt');
    for (const name of ['commander', '@aws-sdk/client-iam', '@smithy/core', 'prom-client'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });

  it('include nothing else', async () => {
    const files = await installed.files();
    const expected =
      /^(LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md|package\.json|docs\/.+\.(md|json|svg|png)|dist\/bin\/(assets\/[\w.]+|(mailctl|outbound-worker|smtp-relay|chunk-\w+)\.js|sql\/\w+\.sql|THIRD-PARTY-LICENCES\.txt)|dist\/cjs\/(package\.json|sql\/\w+\.sql|(index|outbox-contract)\.js|.+\.d\.ts)|dist\/lib\/(index|(common|domain|ports|adapters|mailer|process|relay|worker)\/.+)\.(js|d\.ts|sql))$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
  });
});

const MAIL = `{ from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Your order', text: 'On its way.' }`;

/**
 * Sends one mail with the mailer and one over the transport; the programs differ only in how they import the
 * package.
 */
const SEND_TWO = `
  const settings = readMailerSettings(process.env);
  const mailer = createMailer(settings);
  const transporter = nodemailer.createTransport(fallbackTransport(settings));
  async function main() {
    const { kind } = await mailer.send({ ...${MAIL}, id: 'reply-1', tenantId: 'acme' });
    const info = await transporter.sendMail({ ...${MAIL}, id: 'reply-2', tenantId: 'acme' });
    const unreadable = parseFallbackMessage('{').kind;
    await mailer.close();
    transporter.close();
    console.log(JSON.stringify({ kinds: [kind, info.outcome.kind], accepted: info.accepted, unreadable }));
  }
  main();`;

const PROGRAMS = [
  [
    'an ECMAScript module',
    'send.mjs',
    `import nodemailer from 'nodemailer';
     import { createMailer, fallbackTransport, parseFallbackMessage, readMailerSettings } from 'keybuzz-mail-pipeline';`,
  ],
  [
    'CommonJS',
    'send.cjs',
    `const nodemailer = require('nodemailer');
     const { createMailer, fallbackTransport, parseFallbackMessage, readMailerSettings } = require('keybuzz-mail-pipeline');`,
  ],
] as const;

describe.each(PROGRAMS)('the package in %s', (_kind, file, imports) => {
  let smtp: SmtpDouble;
  let aws: SqsAndS3;

  const environment = () => ({
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_TLS_REJECT_UNAUTHORIZED: 'false',
    FALLBACK_QUEUE_URL: aws.fallback.url,
    PAYLOAD_BUCKET: aws.bucket,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
  });

  beforeAll(async () => {
    [smtp, aws] = await Promise.all([startSmtpDouble(), startSqsAndS3({ visibilitySeconds: 30 })]);
  });

  afterAll(async () => {
    await Promise.all([smtp.close(), aws.close()]);
  });

  it('sends by SMTP', async () => {
    expect(await installed.run(file, imports + SEND_TWO, environment())).toEqual({
      kinds: ['taken', 'taken'],
      accepted: ['marie@example.org'],
      unreadable: 'unreadable',
    });
    expect(smtp.mails).toHaveLength(2);
  });

  it('hands over what SMTP does not accept', async () => {
    await smtp.behave({ kind: 'refused' });
    expect(await installed.run(file, imports + SEND_TWO, environment())).toEqual({
      kinds: ['handed-over', 'handed-over'],
      accepted: ['marie@example.org'],
      unreadable: 'unreadable',
    });
    const envelopes = await takeEnvelopes(aws);
    expect(envelopes.map(({ id }) => id).sort()).toEqual(['reply-1', 'reply-2']);
  });
});

it('is loaded by Jest in CommonJS, and its mailer in memory needs no network', async () => {
  const test = `
    const { createMemoryMailer, PostgresOutbox, SettingsError, createMailer } = require('keybuzz-mail-pipeline');
    test('what an API sends', async () => {
      const mailer = createMemoryMailer();
      mailer.failSmtp('unreachable');
      await mailer.send({ ...${MAIL}, id: 'reply-1' });
      expect(mailer.sent.map(({ mail, outcome }) => [mail.subject, outcome.kind])).toEqual([['Your order', 'handed-over']]);
    });
    test('what is wrong in the settings', () => {
      expect(() => createMailer({})).toThrow(SettingsError);
    });
    test('the outbox finds its statements', async () => {
      const providers = ['smtp'];
      const outbox = new PostgresOutbox({ connectionString: 'postgresql://127.0.0.1:1/none', workerId: 'w', providers, defaultTimeToLiveMs: 1 });
      await expect(outbox.ping()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await outbox.close();
    });`;
  expect(await installed.jest('api.test.cjs', test)).toEqual({
    passed: ['what an API sends', 'what is wrong in the settings', 'the outbox finds its statements'],
  });
});

it.each(PROGRAMS)('leaves no warning of the AWS SDK in the log, in %s', async (_kind, file, imports) => {
  // A Node that the SDK warns of.
  const old = file.endsWith('.mjs')
    ? "import './old-node.mjs';"
    : "Object.defineProperty(process, 'version', { value: 'v20.19.0' });";
  await installed.write('old-node.mjs', "Object.defineProperty(process, 'version', { value: 'v20.19.0' });");
  const program = `${old}
    ${imports}
    const warnings = [];
    process.on('warning', ({ message }) => warnings.push(message));
    const before = process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED;
    createMailer(readMailerSettings(process.env)).close();
    setImmediate(() => console.log(JSON.stringify({
      warnings,
      unchanged: before === process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED,
    })));`;
  const settings = {
    SMTP_HOST: '127.0.0.1',
    FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/fallback',
    PAYLOAD_BUCKET: 'payloads',
  };
  expect(await installed.run(file, program, settings)).toEqual({ warnings: [], unchanged: true });
});

it.each([
  ['contract.mjs', "import { outboxContract } from 'keybuzz-mail-pipeline/outbox-contract';"],
  ['contract.cjs', "const { outboxContract } = require('keybuzz-mail-pipeline/outbox-contract');"],
])('exports the contract of an outbox, in %s', async (file, imports) => {
  const program = `${imports}
    const claimsNothing = { claim: async () => [] };
    const create = async () => ({ worker: () => claimsNothing, add: async () => {}, close: async () => {} });
    outboxContract(create)[0].run().catch(({ code, message }) => console.log(JSON.stringify({ code, message })));`;
  expect(await installed.run(file, program, {})).toEqual({
    code: 'EOUTBOXCONTRACT',
    message: 'one delivery must be claimed, not 0',
  });
});

it('exports the contract under its own name', async () => {
  const program = `
    import schema from 'keybuzz-mail-pipeline/contract/envelope.v1.schema.json' with { type: 'json' };
    import example from 'keybuzz-mail-pipeline/contract/examples/mail.json' with { type: 'json' };
    import { parseFallbackMessage } from 'keybuzz-mail-pipeline';
    console.log(JSON.stringify({ title: schema.title, kind: parseFallbackMessage(JSON.stringify(example)).kind }));`;
  expect(await installed.run('contract.mjs', program, {})).toEqual({
    title: 'Mail envelope, version 1',
    kind: 'message',
  });
});

/** The code samples of the documentation, each as a program. */
const SAMPLES = Object.fromEntries(
  ['README.md', 'docs/api.md'].flatMap((page) => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
    const samples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)];
    return samples.map(([, sample = ''], index) => [`${page.replaceAll(/\W/g, '-')}-${index}.ts`, sample]);
  }),
);

const TYPED_IMPORTS = `import nodemailer from 'nodemailer';
import { createMailer, fallbackTransport, type MailerSettings, parseFallbackMessage } from 'keybuzz-mail-pipeline';
export const settings: MailerSettings = {
  smtp: { host: 'mail.example.org' },
  fallback: { queueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/fallback', payloadBucket: 'payloads' },
};
export const mailer = createMailer(settings);
export const transporter = nodemailer.createTransport(fallbackTransport(settings));
`;

describe('the types of the package', () => {
  it('accept correct programs', async () => {
    const program = `${TYPED_IMPORTS}
      const outcome = await mailer.send({ to: 'marie@example.org', id: 'reply-1', tags: { flow: 'reply' } });
      if (outcome.kind === 'handed-over') outcome.handOver.queueMessageId satisfies string;
      if (outcome.kind === 'taken') outcome.taken.recipients satisfies readonly string[];
      const info = await transporter.sendMail({
        to: 'marie@example.org',
        id: 'reply-1',
        tenantId: 'acme',
        expiresAt: new Date(),
      });
      info.accepted satisfies string[];
      info.outcome.kind satisfies string;
      const parsed = parseFallbackMessage('{');
      if (parsed.kind === 'message') parsed.message.id satisfies string;`;
    expect(await installed.typeErrors('works.ts', program)).toEqual([]);
  });

  it('work in CommonJS, too', async () => {
    const program = `
      import nodemailer = require('nodemailer');
      import { fallbackTransport, readMailerSettings } from 'keybuzz-mail-pipeline';
      const transporter = nodemailer.createTransport(fallbackTransport(readMailerSettings(process.env)));
      export const kind = async (): Promise<string> => (await transporter.sendMail({})).outcome.kind;`;
    expect(await installed.typeErrors('works.cts', program)).toEqual([]);
  });

  it.each(['types.mts', 'types.cts'])('bring no types of a database into %s', async (file) => {
    const program = `import { createMailer, createWorker, PostgresOutbox } from 'keybuzz-mail-pipeline';
      export const all = [createMailer, createWorker, PostgresOutbox];`;
    const loaded = await installed.typesLoadedBy(file, program);
    expect(loaded.filter((path) => /\/nodemailer\//.test(path))).not.toEqual([]);
    expect(loaded.filter((path) => /\/(@types\/)?pg\//.test(path))).toEqual([]);
  });

  it('compile the samples of the documentation', async () => {
    expect(Object.keys(SAMPLES)).toHaveLength(7);
    expect(await installed.typeErrorsIn(SAMPLES)).toEqual([]);
  });

  it('reject mistakes', async () => {
    const mistakes = [
      ["({ host: 'mail', hots: 'mail' }) satisfies MailerSettings['smtp'];", 'TS2353'],
      ["({ host: 'mail', port: '25' }) satisfies MailerSettings['smtp'];", 'TS2322'],
      ["(await mailer.send({})).kind === 'nonsense';", 'TS2367'],
      ['(await mailer.send({})).handOver;', 'TS2339'],
      ["parseFallbackMessage('{').envelope;", 'TS2339'],
      ['await transporter.sendMail({ tenantId: 7 });', 'TS2322'],
      ["await transporter.sendMail({ holdFor: 'acme' });", 'TS2353'],
    ];
    const program = TYPED_IMPORTS + mistakes.map(([line]) => line).join('\n');
    const firstLine = TYPED_IMPORTS.split('\n').length;
    expect(await installed.typeErrors('mistakes.ts', program)).toEqual(
      mistakes.map(([, code], index) => `${firstLine + index}: ${code}`),
    );
  });
});

it('includes the worker as a command', async () => {
  const program = `
    import { execFileSync } from 'node:child_process';
    const worker = (...args) =>
      execFileSync(process.execPath, ['node_modules/keybuzz-mail-pipeline/dist/bin/outbound-worker.js', ...args], { encoding: 'utf8' });
    const manifest = worker('manifest', '--namespace', 'shop', '--image', 'mail:1.0');
    console.log(JSON.stringify({ help: worker('--help').includes('outbound-worker migrate'), kind: /^kind: (.+)$/m.exec(manifest)[1] }));`;
  expect(await installed.run('worker.mjs', program, {})).toEqual({ help: true, kind: 'Deployment' });
});

describe('mailctl in the package', () => {
  const mailctl = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { bin } = await installed.manifest();
    const program = `
      import { spawnSync } from 'node:child_process';
      const args = ['node_modules/keybuzz-mail-pipeline/${bin?.mailctl}', ...${JSON.stringify(args)}];
      const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      console.log(JSON.stringify({ status, stdout }));`;
    return installed.run('mailctl.mjs', program, env);
  };

  it('is there for the operator', async () => {
    expect(await mailctl(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Usage: mailctl \[options\] \[command\]\n/),
    });
  });

  it('finds the runbook and its own version in the package', async () => {
    const { version } = await installed.manifest();

    expect(await mailctl(['runbook', 'dead-letters'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('mailctl dlq ls'),
    });
    expect(await mailctl(['--version'])).toEqual({ status: 0, stdout: `${version}\n` });
  });

  it('serves the console with all that its pages load', async () => {
    const { bin } = await installed.manifest();
    const program = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import { createInterface } from 'node:readline';
      const child = spawn(process.execPath, ['node_modules/keybuzz-mail-pipeline/${bin?.mailctl}', 'console']);
      const [link] = await once(createInterface({ input: child.stdout }), 'line');
      const opened = await fetch(link, { redirect: 'manual' });
      const headers = { Cookie: opened.headers.getSetCookie()[0].split(';')[0] };
      const page = await (await fetch(new URL('/', link), { headers })).text();
      const loaded = [...page.matchAll(/(?:src|href)="(\\/assets\\/[^"]+)"/g)].map(([, path]) => path);
      const statuses = await Promise.all(
        loaded.map(async (path) => [path, (await fetch(new URL(path, link), { headers })).status]));
      child.kill('SIGINT');
      console.log(JSON.stringify(Object.fromEntries(statuses)));`;
    const names = ['icon.svg', 'console.css', 'uplot.css', 'uplot.js', 'console.js'];

    expect(await installed.run('console.mjs', program, {})).toEqual(
      Object.fromEntries(names.map((name) => [`/assets/${name}`, 200])),
    );
  });

  it('brings the clients of AWS that the API does not install', async () => {
    // Nothing listens there; a client that cannot be loaded would fail in another way.
    const env = {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    const answer = await mailctl(['--json', 'doctor', '--only', 'account,stacks,sending'], env);
    expect(answer).toMatchObject({ status: 2, stdout: expect.stringContaining('ECONNREFUSED') });
    expect(answer).not.toMatchObject({ stdout: expect.stringContaining('Cannot find package') });
  });
});
