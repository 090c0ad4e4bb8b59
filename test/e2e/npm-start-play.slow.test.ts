import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 60_000;

/** `npm start` on a terminal of its own, which `script` makes. */
class Terminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #raw = '';
  readonly ended: Promise<number | null>;

  constructor(directory: string) {
    const command = `stty cols 80; exec ${process.execPath} bin/local.ts --play --dir ${directory}`;
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, TERM: 'xterm-256color' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#raw += text;
    });
    this.ended = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  get raw(): string {
    return this.#raw;
  }

  press(key: string): void {
    this.#child.stdin.write(key);
  }

  /** Resolves with the text from there on once it matches. */
  async shows(pattern: RegExp, from = 0): Promise<string> {
    const end = Date.now() + TIMEOUT_MS;
    for (;;) {
      const text = stripVTControlCharacters(this.#raw).slice(from);
      if (pattern.test(text)) return text;
      if (Date.now() > end) throw new Error(`the terminal never showed ${pattern}: ${text}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#child.stdout.once('data', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Runs a program with nothing but the variables of the file. */
function withEnvironment(file: string, program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = `set -a; . '${file}'; set +a; ${program}`;
    const env = { PATH: process.env.PATH, NODE: process.execPath };
    execFile('sh', ['-c', command], { cwd: ROOT, env }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stdout}${stderr}`)),
    );
  });
}

describe('npm start on a terminal', () => {
  let directory: string;
  let file: string;
  let terminal: Terminal;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keybuzz-play-'));
    file = join(directory, '.env.local');
    terminal = new Terminal(directory);
    await terminal.shows(/q ends it/);
  }, 120_000);

  afterAll(async () => {
    terminal.kill();
    await rm(directory, { recursive: true, force: true });
  });

  it('shows how long it has been silent', () => {
    expect(stripVTControlCharacters(terminal.raw)).toMatch(/\r. starting: \d+ s/);
  });

  it('breaks mail-core by a key; the next mail goes out by SES, and is written to the folder', async () => {
    terminal.press('m');
    await terminal.shows(/mail-core is broken/);
    terminal.press('n');
    const text = await terminal.shows(/✓ mine-1\S* +marie@example\.org +Mail 1 of mine +SES/);
    const [name = ''] = /ses\/mine-1\S*\.eml/.exec(await terminal.shows(/ses\/mine-1\S*\.eml/)) ?? [];

    expect(text).toContain('m repairs mail-core');
    expect(await readFile(join(directory, name), 'utf8')).toContain('Sent by a key.');
  });

  it('says that SES is broken and the mail waits, until a key repairs it', async () => {
    terminal.press('s');
    await terminal.shows(/SES is broken/);
    terminal.press('n');
    await terminal.shows(/SES did not take mine-2\S* \(ses-unavailable\)/);
    terminal.press('s');
    await terminal.shows(/SES is repaired/);
    await terminal.shows(/✓ mine-2\S* +marie@example\.org +Mail 2 of mine +SES/);
  });

  it('has in .env.local what a mailer of the README needs', async () => {
    terminal.press('m');
    await terminal.shows(/mail-core is repaired/);
    const program = join(directory, 'program.ts');
    await writeFile(
      program,
      `import { createMailer, readMailerSettings } from '${ROOT}lib/index.ts';
       const mailer = createMailer(readMailerSettings(process.env));
       const mail = { id: 'from-readme', from: 'support@keybuzz.io', to: 'nina@example.org', subject: 'Grüße', text: 'Hi.' };
       console.log((await mailer.send(mail)).kind);
       await mailer.close();`,
    );

    expect(await withEnvironment(file, `"$NODE" '${program}'`)).toMatch(/taken|handed-over/);
    await terminal.shows(/✓ \S+ +nina@example\.org +Grüße +(SMTP|SES)/);
  });

  it('has what psql, a plain client of SQS and mailctl need, and shows the dead letter with its reason', async () => {
    const body = JSON.stringify({
      version: 1,
      id: 'from-elsewhere',
      tenantId: 'shop-a',
      envelope: { from: 'who@foreign.example', to: ['paul@example.org'] },
      content: {
        type: 'mail',
        from: 'who@foreign.example',
        to: ['paul@example.org'],
        subject: 'Hello',
        text: 'Hi.',
      },
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    await withEnvironment(
      file,
      `"$NODE" --input-type=module -e "
        import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
        await new SQSClient({}).send(new SendMessageCommand({ QueueUrl: process.env.FALLBACK_QUEUE_URL, MessageBody: process.argv[1] }));
      " '${body}'`,
    );
    const text = await terminal.shows(/✗ from-elsew\S+ +paul@example\.org +Hello +dead/);
    expect(await terminal.shows(/dead letter: foreign-sender/)).toContain(text.slice(0, 20));

    const listed = await withEnvironment(file, `"$NODE" bin/mailctl.ts dlq ls`);
    expect(listed).toMatch(/foreign-sender +1/);
    expect(await withEnvironment(file, `"$NODE" bin/mailctl.ts status from-elsewhere || true`)).toContain(
      'foreign-sender',
    );
  });

  it('reads the same by node --env-file', async () => {
    const print = `-e "console.log(JSON.stringify([process.env.SMTP_TLS_CA, process.env.DATABASE_URL, process.env.AWS_ENDPOINT_URL]))"`;
    const byNode = await new Promise((resolve) => {
      const args = [
        `--env-file=${file}`,
        '-e',
        'console.log(JSON.stringify([process.env.SMTP_TLS_CA, process.env.DATABASE_URL, process.env.AWS_ENDPOINT_URL]))',
      ];
      execFile(process.execPath, args, { env: { PATH: process.env.PATH } }, (_error, stdout) =>
        resolve(stdout),
      );
    });

    expect(byNode).toBe(await withEnvironment(file, `"$NODE" ${print}`));
    expect(byNode).toContain('BEGIN CERTIFICATE');
  });

  it('ends by a key', async () => {
    terminal.press('q');

    expect(await terminal.ended).toBe(0);
    expect(terminal.raw).toContain('stopping');
  });
});
