import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkMessage } from '../../lib/cli/commands/message/check-message.ts';
import { canRunPythonSchema } from '../support/python-schema.ts';
import { PAGES, read } from './pages.ts';

const page = read('docs/producers.md');

/** The code of the page in a language. */
function sample(language: string): string {
  const [, code] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  if (code === undefined) throw new Error(`the page has no sample in ${language}`);
  return code;
}

const ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  AWS_SES_REGION: 'eu-west-1',
  AWS_SES_ACCESS_KEY: 'key',
  AWS_SES_SECRET_KEY: 'secret',
  FALLBACK_QUEUE_URL: 'https://sqs.example/fallback',
  FALLBACK_URGENT_QUEUE_URL: 'https://sqs.example/urgent',
  USER_ID: '77',
};

/** Stands for the library, and shows what would be sent. */
const BOTO3 = `
import json
class Client:
    def send_message(self, **request): print(json.dumps(request))
def client(name, **options): return Client()
`;

describe('the page for senders in other languages', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'producers-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function expectSent(body: string): Promise<void> {
    expect(await checkMessage(body, new Date())).toMatchObject({
      outcome: 'sent',
      problems: [],
      warnings: [],
      recipients: ['m***@example.org', 'a***@keybuzz.io'],
      tenantId: 'shop-7',
      expiresAt: expect.any(String),
    });
  }

  (canRunPythonSchema ? it : it.skip)('has a sample in Python that sends a valid message', async () => {
    writeFileSync(join(folder, 'boto3.py'), BOTO3);
    const env = { ...ENVIRONMENT, PYTHONPATH: folder };
    const printed = execFileSync('python3', ['-'], { input: sample('python'), env, encoding: 'utf8' });

    const request = JSON.parse(printed);
    expect(request).toMatchObject({ QueueUrl: ENVIRONMENT.FALLBACK_QUEUE_URL, MessageGroupId: 'shop-7' });
    await expectSent(request.MessageBody);
  });

  it('has a sample for curl that sends a valid message', async () => {
    const curl = join(folder, 'curl');
    writeFileSync(curl, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    chmodSync(curl, 0o755);
    const env = { ...ENVIRONMENT, PATH: `${folder}:${ENVIRONMENT.PATH}` };
    const printed = execFileSync('bash', ['-eu'], {
      input: sample('bash'),
      cwd: folder,
      env,
      encoding: 'utf8',
    });

    expect(printed.split('\n')).toEqual(
      expect.arrayContaining([
        'aws:amz:eu-west-1:sqs',
        ENVIRONMENT.FALLBACK_URGENT_QUEUE_URL,
        'Action=SendMessage',
        'MessageBody@message.json',
      ]),
    );
    const message = readFileSync(join(folder, 'message.json'), 'utf8');
    await expectSent(message);
    // The queue is that of its priority.
    expect(JSON.parse(message).priority).toBe('urgent');
  });

  it.each([
    ['php', /\$message = /],
    ['java', /var message = /],
  ])('has a sample in %s whose message is valid', async (language, assignment) => {
    const code = sample(language);
    const literal = code.slice(
      (assignment.exec(code)?.index ?? 0) + (assignment.exec(code)?.[0].length ?? 0),
    );
    const { value } = readLiteral(literal, /createdAt|expiresAt/);

    await expectSent(JSON.stringify(value));
  });

  it('has no id that stands in another example, since that would be a conflict', () => {
    const examples = ['mail', 'mime', 's3'].map((name) => read(`docs/contract/examples/${name}.json`));
    const texts = [...PAGES.map(read), ...examples];
    const ids = texts.flatMap((text) =>
      [...text.matchAll(/["']?\bid["']?(?::|,| =>) ["']([\w$-]+)["']/g)].map(([, id = '']) => id),
    );

    expect(ids.length).toBeGreaterThanOrEqual(9);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });

  it.each(['python', 'php', 'java', 'bash'])('has a short sample in %s', (language) => {
    expect(sample(language).split('\n').length).toBeLessThanOrEqual(22);
  });
});

/**
 * Reads a literal of maps, lists, texts and numbers, as PHP and Java write them. An expression, which stands for a time
 * in fields of these names, is read as a time in the future.
 */
function readLiteral(code: string, times: RegExp, name = ''): { value: unknown; rest: string } {
  const text = code.trimStart();
  const word = /^(?:"([^"]*)"|'([^']*)')/.exec(text);
  if (word !== null) return { value: word[1] ?? word[2], rest: text.slice(word[0].length) };
  const number = /^\d+/.exec(text);
  if (number !== null) return { value: Number(number[0]), rest: text.slice(number[0].length) };
  const open = /^(Map\.of\(|List\.of\(|\[)/.exec(text)?.[0];
  if (open === undefined) return { value: readTime(name, times), rest: afterExpression(text) };
  const items: unknown[] = [];
  const isMap = open === 'Map.of(' || /^\[\s*'\w+' =>/.test(text);
  let rest = text.slice(open.length);
  for (let position = 0; !/^\s*[)\]]/.test(rest); position += 1) {
    const key = isMap && position % 2 === 1 ? String(items.at(-1)) : '';
    const item = readLiteral(rest, times, key);
    items.push(item.value);
    rest = item.rest.replace(/^\s*(?:,|=>)/, '');
  }
  const pairs = items.flatMap((item, at) => (at % 2 === 0 ? [[item, items[at + 1]]] : []));
  return { value: isMap ? Object.fromEntries(pairs) : items, rest: rest.replace(/^\s*[)\]]/, '') };
}

function readTime(name: string, times: RegExp): string {
  if (!times.test(name)) throw new Error(`the field ${name} is an expression`);
  return '2099-01-01T00:00:00Z';
}

/** Up to the comma or the bracket that ends it. */
function afterExpression(text: string): string {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (depth === 0 && /[,)\]]/.test(letter)) return text.slice(at);
    if (/[([]/.test(letter)) depth += 1;
    if (/[)\]]/.test(letter)) depth -= 1;
  }
  return '';
}
