import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ACCOUNT_METRICS_ENV } from '../../lambda/account-metrics/constants.ts';
import { FEEDBACK_ENV } from '../../lambda/feedback/constants.ts';
import { RESEND_ENV } from '../../lambda/resend/constants.ts';
import { bundleEntry, bundleLambda, type LambdaBundle } from '../../lib/infra/lambda-bundle.ts';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const outside = () => mkdtempSync(join(tmpdir(), 'lambda-bundle-'));

/** A handler in a folder outside the repository, made of the files given. */
function entryOf(files: Readonly<Record<string, string>>): string {
  const folder = outside();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, 'handler.ts');
}

const lazyEntry = entryOf({
  'handler.ts': `
    import { createHash } from 'crypto';
    import { SESv2Client } from '${modules}/@aws-sdk/client-sesv2';
    export const handler = async (): Promise<string> => {
      const { S3Client } = await import('${modules}/@aws-sdk/client-s3');
      const { default: MailComposer } = await import('${modules}/nodemailer/dist/esm/mail-composer/index.js');
      return [createHash('sha1').digest('hex').length, SESv2Client.name, S3Client.name, typeof MailComposer].join();
    };`,
});

function contentsOf({ directory }: LambdaBundle): Record<string, string> {
  const files = globSync('**/*.mjs', { cwd: directory }).sort();
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
}

/** The code that loading `index.mjs` loads with it: itself, and the chunks it imports other than by `import()`. */
function loadedAtStart(bundle: LambdaBundle): string {
  const contents = contentsOf(bundle);
  const loaded = new Set(['index.mjs']);
  for (const file of loaded) {
    for (const [, path = ''] of contents[file]?.matchAll(/(?:from|import)\s*"(\.[^"]+)"/g) ?? []) {
      loaded.add(join(dirname(file), path));
    }
  }
  return [...loaded].map((file) => contents[file]).join('\n');
}

/** Where any of these classes is defined: the bundle keeps their names. */
function definitionOf(...names: readonly string[]): RegExp {
  return new RegExp(`class (?:${names.join('|')})\\b|\\b(?:${names.join('|')})=class\\b`);
}

/** Runs a line of code in a plain Node with `bundle`, a copy of the bundle far from the repository. */
function runCopy(
  { directory }: LambdaBundle,
  code: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const copy = join(outside(), 'task');
  cpSync(directory, copy, { recursive: true });
  const url = pathToFileURL(join(copy, 'index.mjs'));
  const script = `const bundle = await import(${JSON.stringify(url)}); ${code}`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: copy,
    env: { ...env },
    encoding: 'utf8',
  });
}

describe('a bundle', () => {
  const outDir = outside();
  const bundle = bundleEntry({ name: 'lazy', entry: lazyEntry, outDir });

  it('is the same bytes in a folder of the same name, from the same code', () => {
    const again = bundleEntry({ name: 'lazy', entry: lazyEntry, outDir: outside() });
    expect(basename(again.directory)).toBe(basename(bundle.directory));
    expect(contentsOf(again)).toEqual(contentsOf(bundle));
    const bytes = Object.values(contentsOf(bundle)).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(bundle.bytes).toBe(bytes);
  });

  it('can be read by the user that Lambda runs it as', () => {
    const modes = globSync('**', { cwd: bundle.directory }).map((path) => {
      const stats = statSync(join(bundle.directory, path));
      return stats.mode & (stats.isDirectory() ? 0o005 : 0o004);
    });
    expect(new Set(modes)).toEqual(new Set([0o005, 0o004]));
  });

  it('is another folder for other code', () => {
    const entry = entryOf({ 'handler.ts': 'export const handler = async () => 1;' });
    const other = entryOf({ 'handler.ts': 'export const handler = async () => 2;' });
    expect(bundleEntry({ name: 'x', entry, outDir }).directory).not.toBe(
      bundleEntry({ name: 'x', entry: other, outDir }).directory,
    );
  });

  it('leaves a folder alone that is there already', () => {
    const entry = entryOf({ 'handler.ts': 'export const handler = async () => 3;' });
    const { directory } = bundleEntry({ name: 'x', entry, outDir });
    writeFileSync(join(directory, 'witness'), '');
    expect(bundleEntry({ name: 'x', entry, outDir }).directory).toBe(directory);
    expect(existsSync(join(directory, 'witness'))).toBe(true);
    expect(globSync('x-*-*', { cwd: outDir })).toEqual([]);
  });

  it('runs on its own far from the repository, with nothing missing', () => {
    expect(runCopy(bundle, 'console.log(await bundle.handler())')).toBe('40,SESv2Client,S3Client,function\n');
  });

  it('keeps what is imported when needed out of what is loaded at the start', () => {
    expect(loadedAtStart(bundle)).toMatch(definitionOf('SESv2Client'));
    expect(loadedAtStart(bundle)).not.toMatch(definitionOf('S3Client', 'MailComposer'));
    const all = Object.values(contentsOf(bundle)).join('\n');
    expect(all).toMatch(definitionOf('S3Client'));
    expect(all).toMatch(definitionOf('MailComposer'));
  });

  it('does not load undici with node:http', () => {
    const entry = entryOf({
      'handler.ts': `
        import http, { Agent } from 'http';
        export const handler = async () => {
          const { request } = await import('node:http');
          const loaded = process.moduleLoadList.filter((name) => name.includes('undici/undici'));
          return [typeof Agent, request === http.request, loaded.length].join();
        };`,
    });
    const http = bundleEntry({ name: 'http', entry, outDir });
    expect(runCopy(http, 'console.log(await bundle.handler())')).toBe('function,true,0\n');
  });

  it('is refused when it would lack an export of node:http', () => {
    const entry = entryOf({
      'handler.ts': "import { METHODS } from 'http'; export const handler = async () => METHODS;",
    });
    expect(() => bundleEntry({ name: 'methods', entry, outDir })).toThrow(/METHODS/);
  });

  it('is refused when it would lack an operation of a service', () => {
    const entry = entryOf({
      'handler.ts': `import { ListQueuesCommand } from '@aws-sdk/client-sqs';
        export const handler = async () => new ListQueuesCommand({});`,
    });
    expect(() => bundleEntry({ name: 'list', entry, outDir })).toThrow(/ListQueuesCommand/);
  });

  it('is refused when it would call require for a built-in', () => {
    const entry = entryOf({
      'handler.ts': "import { sep } from './old.cjs'; export const handler = async () => sep;",
      'old.cjs': "exports.sep = require('node:path').sep;",
    });
    expect(() => bundleEntry({ name: 'old', entry, outDir })).toThrow(
      /old would not load.*\n.*require-call of node:path/,
    );
  });

  it('is refused when an import is found nowhere', () => {
    const entry = entryOf({ 'handler.ts': "export { handler } from 'no-such-package';" });
    expect(() => bundleEntry({ name: 'lost', entry, outDir })).toThrow(/no-such-package/);
    expect(globSync('lost-*', { cwd: outDir })).toEqual([]);
  });
});

/** The variables as the stack and Lambda set them, as far as a bundle can tell. */
function environmentOf(names: Readonly<Record<string, string>>): Record<string, string> {
  const values = Object.entries(names).map(([setting, name]) => [name, valueFor(setting)]);
  const lambda = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'an-id', AWS_SECRET_ACCESS_KEY: 'a-key' };
  return { ...Object.fromEntries(values), ...lambda };
}

function valueFor(setting: string): string {
  if (setting.endsWith('Url')) return `https://sqs.example.org/${setting}`;
  if (/(Days|Limit|Seconds)$/.test(setting)) return '20';
  if (setting === 'reputationFuse') return 'on';
  return setting === 'fromDomain' ? 'example.org' : `a-${setting.toLowerCase()}`;
}

it.each(['resend', 'feedback'] as const)('the bundle of the %s Lambda has no client of the SDK', (name) => {
  const all = Object.values(contentsOf(bundleLambda(name, outside()))).join('\n');
  expect(all).toMatch(definitionOf('ServiceClient'));
  expect(all).not.toMatch(definitionOf('NormalizedSchema', 'EndpointCache'));
});

/** Each with the clients that it does not use at all, or not for most mails. */
describe.each([
  ['resend', RESEND_ENV, ['S3Client', 'SESv2Client', 'IAMClient', 'MailComposer']],
  ['feedback', FEEDBACK_ENV, ['S3Client', 'SESv2Client', 'IAMClient', 'MailComposer']],
  ['account-metrics', ACCOUNT_METRICS_ENV, ['S3Client', 'SESClient', 'SQSClient', 'MailComposer']],
] as const)('the bundle of the %s Lambda', (name, variables, needless) => {
  const bundle = bundleLambda(name, outside());

  it('is the same bytes each time', () => {
    const again = bundleLambda(name, outside());
    expect(basename(again.directory)).toBe(basename(bundle.directory));
    expect(contentsOf(again)).toEqual(contentsOf(bundle));
  });

  it('loads on its own far from the repository, in the environment of the Lambda', () => {
    expect(runCopy(bundle, 'console.log(typeof bundle.handler)', environmentOf(variables))).toBe(
      'function\n',
    );
  });

  it('keeps the clients that it may do without out of what is loaded at the start', () => {
    expect(loadedAtStart(bundle)).not.toMatch(definitionOf(...needless));
  });
});
