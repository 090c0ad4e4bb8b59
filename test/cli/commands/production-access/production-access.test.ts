import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type SesDouble, startSesDouble } from '../../../../lib/emulators/ses/ses-double.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';

const WEBSITE = 'https://keybuzz.io';

let aws: AwsAccountDouble;
let ses: SesDouble;
let directory: string;

beforeAll(async () => {
  aws = await startAwsAccount({ account: deployedAccount() });
});

beforeEach(async () => {
  ses = await startSesDouble({ sandbox: true });
  directory = await mkdtemp(join(tmpdir(), 'mailctl-access-'));
});

afterEach(() => Promise.all([ses.close(), rm(directory, { recursive: true })]));

afterAll(() => aws.close());

const access = (...args: string[]) =>
  runMailctl(['production-access', ...args], { ...aws.environment, AWS_ENDPOINT_URL_SESV2: ses.url });

const request = (...args: string[]) => access('request', '--website', WEBSITE, ...args);

const filings = () => ses.calls.filter(({ operation }) => operation === 'PutAccountDetails').length;

describe('mailctl production-access', () => {
  it('shows an account in the sandbox, and how to leave it', async () => {
    const { code, stdout } = await access();
    expect(code).toBe(1);
    expect(stdout).toMatch(/^sandbox: in the sandbox/);
    expect(stdout).toContain('next: mailctl production-access request --website URL');
    expect(stdout).toMatch(/^quota +0 of 200 sent in 24 hours; 1 a second$/m);
    expect(stdout).toMatch(/^last request +none$/m);
  });

  it('exits with 0 for an account that is out of it', async () => {
    ses.account.decideReview('GRANTED');
    const { code, stdout } = await access('--json');
    expect(code).toBe(0);
    expect(dataOf(stdout)).toMatchObject({ production: true, state: { kind: 'granted' } });
  });

  it('masks the contacts that AWS has', async () => {
    await request('--yes', '--contact', 'ops@keybuzz.io');
    const { stdout } = await access();
    expect(stdout).toMatch(/^contacts +o\*\*\*@keybuzz\.io$/m);
    expect(stdout).not.toContain('ops@');
  });

  it.each([
    ['PENDING', 'pending', 'wait: '],
    ['DENIED', 'denied', 'reply to the case'],
    ['FAILED', 'sandbox', 'file it again'],
  ] as const)('reports a review that is %s, with its case', async (status, kind, fix) => {
    ses.account.review = { status, caseId: '171234567890123' };
    const { code, stdout } = await access('--json');
    const { state } = dataOf(stdout);
    expect([code, state.kind]).toEqual([1, kind]);
    expect(state.detail).toContain('171234567890123');
    expect(state.fix).toContain(fix);
  });
});

describe('mailctl production-access request', () => {
  it('shows the whole request, and files nothing without a yes', async () => {
    const { code, stdout, stderr } = await request('--daily-volume', '20000', '--contact', 'ops@keybuzz.io');
    expect([code, filings()]).toEqual([1, 0]);
    for (const expected of [
      WEBSITE,
      'ops@keybuzz.io',
      'TRANSACTIONAL',
      'bounce.keybuzz.io',
      'keybuzz-mail-dev',
      'suppression list',
      '20,000 mails a day',
    ]) {
      expect(stderr).toContain(expected);
    }
    expect(stdout).toContain('nothing was filed');
  });

  it('files exactly what it shows, and reports its state', async () => {
    const run = await request(
      '--yes',
      '--json',
      '--contact',
      'ops@keybuzz.io',
      '--contact',
      'cto@keybuzz.io',
    );
    expect(run.code).toBe(0);
    const { filed, state, request: shown } = dataOf(run.stdout);
    expect([filed, state.kind]).toEqual([true, 'pending']);
    expect(state.detail).toContain(ses.account.review?.caseId);
    expect(ses.account.details).toEqual({
      mailType: 'TRANSACTIONAL',
      websiteUrl: WEBSITE,
      contactLanguage: 'EN',
      useCaseDescription: shown.useCase,
      additionalContactEmailAddresses: ['ops@keybuzz.io', 'cto@keybuzz.io'],
    });
    expect(run.stderr).toContain(shown.useCase);
  });

  it.each([
    ['PENDING', 1, 'wait: '],
    ['DENIED', 2, 'reply to the case'],
  ] as const)('files no second request while the first is %s', async (status, code, fix) => {
    ses.account.review = { status, caseId: '171234567890123' };
    const run = await request('--yes');
    expect([run.code, filings()]).toEqual([code, 0]);
    expect(run.stdout).toContain(fix);
    expect(run.stdout).toContain('171234567890123');
  });

  it('says what to do if AWS rejects a second request without reporting the first', async () => {
    ses.fault({
      effect: { kind: 'error', code: 'ConflictException', message: '', status: 409 },
      when: ({ operation }) => operation === 'PutAccountDetails',
    });
    const { code, stdout } = await request('--yes');
    expect(code).toBe(2);
    expect(stdout).toMatch(/ConflictException[\s\S]+reply to it/);
  });

  it('files again after AWS failed to process a request', async () => {
    ses.account.review = { status: 'FAILED' };
    const { code } = await request('--yes');
    expect([code, ses.account.review?.status]).toEqual([0, 'PENDING']);
  });

  it('has nothing to file for an account that is out of the sandbox', async () => {
    ses.account.decideReview('GRANTED');
    expect((await request('--yes')).code).toBe(0);
    expect(filings()).toBe(0);
  });

  it('writes the draft to be edited, and files the edited text', async () => {
    const file = join(directory, 'request.txt');
    expect((await request('--yes', '--draft-file', file)).code).toBe(0);
    expect(filings()).toBe(0);
    const draft = await readFile(file, 'utf8');
    await writeFile(file, `${draft.replaceAll('\n', '\r\n')}We are three people.\r\n`);
    expect((await request('--yes', '--text', file)).code).toBe(0);
    expect(ses.account.details?.useCaseDescription).toBe(`${draft}We are three people.`);
  });

  it('overwrites no file', async () => {
    const file = join(directory, 'request.txt');
    await writeFile(file, 'edited with care');
    const { code, stderr } = await request('--draft-file', file);
    expect(code).toBe(2);
    expect(stderr).toContain('is there already');
    expect(await readFile(file, 'utf8')).toBe('edited with care');
  });

  it.each([
    ['too long', 'x'.repeat(5001), 'at most 5000 characters, it has 5001'],
    ['empty', ' \n', 'some text'],
    ['not text', 'a\u0000b', 'without control characters'],
  ])('rejects a text that is %s', async (_what, text, expected) => {
    const file = join(directory, 'request.txt');
    await writeFile(file, text);
    const { code, stderr } = await request('--yes', '--text', file);
    expect([code, filings()]).toEqual([2, 0]);
    expect(stderr).toContain(expected);
  });

  it('accepts a text of 5,000 characters', async () => {
    const file = join(directory, 'request.txt');
    await writeFile(file, 'x'.repeat(5000));
    expect((await request('--yes', '--text', file)).code).toBe(0);
  });

  it('has no draft in Japanese', async () => {
    const { code, stderr } = await request('--yes', '--language', 'JA');
    expect([code, filings()]).toEqual([2, 0]);
    expect(stderr).toContain('give it by --text');
  });

  it('fails if nothing is deployed', async () => {
    const { code, stderr } = await request('--yes', '--stage', 'prod');
    expect([code, filings()]).toEqual([2, 0]);
    expect(stderr).toContain('there is no stack keybuzz-mail-pipeline-prod');
  });

  it.each([
    [['request']],
    [['request', '--website', 'keybuzz.io']],
    [['request', '--website', 'ftp://keybuzz.io']],
    [['request', '--website', 'https://localhost:3000']],
    [['request', '--website', 'https://192.0.2.1/']],
    [['request', '--website', WEBSITE, '--contact', 'ops']],
    [['request', '--website', WEBSITE, '--language', 'FR']],
    [['request', '--website', WEBSITE, '--daily-volume', 'many']],
    [['request', '--website', WEBSITE, '--text', 'a', '--draft-file', 'b']],
    [['nonsense']],
  ])('exits with 64 for %j', async (args) => {
    expect((await access(...args)).code).toBe(64);
  });
});
