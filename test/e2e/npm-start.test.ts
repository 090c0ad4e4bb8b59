import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCENES } from '../../lib/emulators/demo/scenes.ts';

const LOCAL = fileURLToPath(new URL('../../bin/local.ts', import.meta.url));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Run> {
  return runWith({}, ...args);
}

function runWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [LOCAL, ...args],
      { env: { PATH: process.env.PATH, ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

interface StoryMail {
  readonly id: string;
  readonly verdict: string;
  readonly asItShould: boolean;
  readonly row: {
    readonly status: string;
    readonly provider: string;
    readonly lastError: string | null;
    readonly recipients: Readonly<Record<string, { readonly kind: string; readonly sesMessageId?: string }>>;
    readonly attempts: readonly { readonly outcome: string; readonly failure?: { readonly class: string } }[];
  };
  readonly arrivals: readonly {
    readonly route: string;
    readonly recipients: string[];
    readonly bytes: number;
    readonly sesMessageId?: string;
  }[];
  readonly files: readonly string[];
}

describe('npm start -- --exit --json', () => {
  let directory: string;
  let story: Run;
  let mails: StoryMail[];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keybuzz-mail-e2e-'));
    story = await run('--exit', '--json', '--dir', directory);
    mails = JSON.parse(story.stdout).mails;
  }, 300_000);

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const mail = (id: string) => mails.find((candidate) => candidate.id === id);

  it('exits with 0, every mail ended as expected', () => {
    expect(story.stderr).toContain(`${mails.length} of ${mails.length} mails came to the end they should`);
    expect(mails.filter(({ asItShould }) => !asItShould)).toEqual([]);
    expect(mails.filter(({ verdict }) => verdict !== 'arrived').map(({ id }) => id)).toEqual(['reply-5']);
    expect(mails.map(({ id }) => id)).toEqual([
      ...SCENES.flatMap((scene) => scene.rows.map(({ id }) => id)),
      'cron-1',
      'reply-6',
    ]);
    expect(story.code).toBe(0);
  });

  it('tells the story with one line a mail, and what would have been without the pipeline', () => {
    const lines = story.stderr.split('\n').filter((line) => line.startsWith('✓ '));

    expect(lines.map((line) => line.split(/\s+/)[1])).toEqual(mails.map(({ id }) => id));
    expect(lines[2]).toMatch(/^✓ otp-2 +marie@example\.org +unreachable: ECONNREFUSED +SES +[\d.]+ m?s$/);
    expect(story.stderr).toContain(
      'without the pipeline 11 of these 17 mails would be lost, and 1 would miss a recipient',
    );
  });

  it.each([
    ['otp-1', 'taken', undefined, ['smtp']],
    ['otp-2', 'handed-over', 'unreachable', ['ses']],
    ['invite-1', 'handed-over', 'unreachable', ['ses']],
    ['alert-1', 'handed-over', 'tls', ['ses']],
    ['bill-1', 'handed-over', 'rejected', ['ses']],
    ['reply-3', 'handed-over', 'unknown', ['ses']],
    ['news-1', 'split', 'deferred', ['smtp', 'ses']],
    ['bill-2', 'handed-over', 'rejected', ['ses']],
    ['otp-4', 'taken', undefined, ['smtp']],
  ])('reports %s: %s', (id, outcome, failureClass, routes) => {
    const attempt = mail(id)?.row.attempts.at(-1);
    expect(attempt?.outcome).toBe(outcome);
    expect(attempt?.failure?.class).toBe(failureClass);
    expect(mail(id)?.arrivals.map(({ route }) => route)).toEqual(routes);
  });

  it('takes the mail of a program that only speaks SMTP, and what the mail server could not deliver', () => {
    expect(story.stderr).toMatch(/^✓ cron-1 +night-shift@example\.org +the relay: 250 .* SES +[\d.]+ m?s$/m);
    expect(mail('cron-1')?.arrivals).toMatchObject([
      { route: 'ses', recipients: ['night-shift@example.org'] },
    ]);
    expect(mail('reply-6')?.row).toMatchObject({ status: 'delivered', provider: 'ses' });
    expect(mail('reply-6')?.arrivals).toMatchObject([{ route: 'ses', recipients: ['ines@example.org'] }]);
  });

  it('writes the outcome of each mail into its row', () => {
    expect(mail('otp-1')?.row).toMatchObject({ status: 'delivered', provider: 'smtp' });
    expect(mail('otp-2')?.row).toMatchObject({ status: 'delivered', provider: 'ses' });
    expect(mail('news-1')?.row).toMatchObject({ status: 'delivered', provider: 'ses' });
  });

  it('writes the status of each resent mail into its row, with its SES message id', () => {
    const { row, arrivals } = mail('otp-2') ?? {};
    expect(row?.recipients['marie@example.org']).toMatchObject({
      kind: 'delivered',
      sesMessageId: arrivals?.[0]?.sesMessageId,
    });
    expect(mail('reply-4')?.row.lastError).toMatch(/^bounced \(Permanent\/General\): 550 5\.1\.1/);
  });

  it('sends the mail whose SES response was lost once, and resolves it by the event', async () => {
    expect(mail('otp-5')).toMatchObject({ verdict: 'arrived', row: { status: 'delivered' } });
    const log = await readFile(join(directory, 'feedback.log'), 'utf8');
    expect(log).toMatch(
      /"event":"unknown-outcome-resolved"[^\n]*"deliveryId":"otp-5"[^\n]*"state":"unknown"/,
    );
  });

  it('does not send the mail to the address that bounced before', () => {
    expect(mail('reply-5')).toMatchObject({
      arrivals: [],
      row: { recipients: { 'bounce@simulator.amazonses.com': { kind: 'suppressed' } } },
    });
  });

  it('saves the mails as recipients see them, with the Message-ID set by SES', async () => {
    const [file = ''] = mail('reply-2')?.files ?? [];
    const text = await readFile(file, 'utf8');

    expect(text).toMatch(/^Message-ID: <[^>]+@eu-west-1\.amazonses\.com>\r$/im);
    expect(text).toContain('Content-ID: <logo@keybuzz.io>');
    expect(text).not.toMatch(/^bcc:|audit@/im);
  });

  it('simulates SES failures, and the function retries', async () => {
    const log = await readFile(join(directory, 'resend.log'), 'utf8');
    const lines = log.split('\n').filter((line) => line.includes('"deliveryId":"otp-3"'));

    expect(lines.filter((line) => line.includes('"event":"ses-send-deferred"'))).toHaveLength(2);
    expect(lines.at(-1)).toContain('"event":"resent"');
  });

  it.each(['resend.log', 'feedback.log', 'worker.log'])(
    'writes no address and no body into %s',
    async (name) => {
      const log = await readFile(join(directory, name), 'utf8');

      expect(log).not.toMatch(/marie@|accounts@|731 402/);
    },
  );
});

describe('npm start', () => {
  it('prints its usage with --help', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('--exit') });
  });

  it('exits with 2 and prints the help for an unknown option', async () => {
    expect(await run('--quick')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--quick[\s\S]+--exit/),
    });
  });

  it.each([
    [
      'a database that refuses',
      { DATABASE_URL: 'postgresql://127.0.0.1:1/x' },
      [],
      /ECONNREFUSED.*check DATABASE_URL/,
    ],
    ['a wrong database URL', { DATABASE_URL: 'mysql://127.0.0.1/x' }, [], /check DATABASE_URL/],
    ['a folder that cannot be made', {}, ['--dir', '/dev/null/x'], /ENOTDIR.*--dir/],
    ['a file in place of the folder', {}, ['--dir', LOCAL], /EEXIST.*--dir/],
  ])('says in one line what is wrong with %s, and exits with 2', async (_what, env, args, message) => {
    // Of its own: in the shared one are folders of other runs, which would be named.
    const temporary = await mkdtemp(join(tmpdir(), 'keybuzz-trouble-'));
    const { code, stdout, stderr } = await runWith({ TMPDIR: temporary, ...env }, '--exit', ...args);
    await rm(temporary, { recursive: true });
    const [last = ''] = stderr.trimEnd().split('\n').slice(-1);

    expect(last).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('says in one line that the disk is full, and exits with 2', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'keybuzz-mail-full-'));
    try {
      await mkdir(join(directory, 'smtp'));
      for (const name of ['worker.log', 'smtp/otp-1.eml']) await symlink('/dev/full', join(directory, name));
      const { code, stderr } = await run('--exit', '--dir', directory);

      expect(stderr).toMatch(/^ENOSPC.*the disk is full: make room/m);
      expect(stderr).not.toMatch(/^ +at /m);
      expect(code).toBe(2);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
