import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deployedAccount } from '../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../support/aws-account/start-aws-account.ts';
import { runMailctl, spawnMailctl } from '../support/run-mailctl.ts';

/** Not called before AWS has responded. */
const VAULT = { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_TOKEN: 'none' };

let account: AwsAccountDouble;

beforeAll(async () => {
  account = await startAwsAccount({ account: deployedAccount({ stage: 'dev' }) });
});

beforeEach(() => account.heal());

afterAll(() => account.close());

describe('mailctl', () => {
  it('prints its usage with --help, and exits with 0', async () => {
    const { code, stdout, stderr } = await runMailctl(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: mailctl \[options\] \[command\]/);
    expect(stdout).toMatch(/^ {2}suppression /m);
    expect(stdout).toContain('Exit codes: 0 all is well');
  });

  it('lists the global options in the help of each command', async () => {
    const { code, stdout } = await runMailctl(['status', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Global Options:$[\s\S]+--json/m);
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['nonsense']],
    ['a missing argument', ['status']],
    ['an extra argument', ['status', 'one', 'two']],
    ['an unknown option', ['status', 'one', '--nonsense']],
    ['an unknown stage', ['--stage', 'staging', 'status', 'one']],
    ['an unknown subcommand', ['suppression', 'nonsense']],
    ['an invalid address', ['suppression', 'add', 'marie']],
    ['an invalid number', ['suppression', 'ls', '--soft-bounce-limit', 'few']],
  ])('exits with 64 when called with %s', async (_what, args) => {
    const { code, stdout, stderr } = await runMailctl(args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).not.toBe('');
  });

  it('says what to do if there are no credentials', async () => {
    const { code, stdout, stderr } = await runMailctl(['suppression', 'ls']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/credentials[\s\S]+fix: sign in to AWS: set AWS_PROFILE/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('prints a failure as JSON, too', async () => {
    const { code, stdout } = await runMailctl(['--json', 'suppression', 'ls']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'CredentialsProviderError' } });
  });

  it('says that a stage is not deployed, and how to deploy it', async () => {
    const { code, stderr } = await runMailctl(['--stage', 'prod', 'suppression', 'ls'], account.environment);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no stack keybuzz-mail-pipeline-prod in eu-west-1 (project keybuzz)');
    expect(stderr).toMatch(/fix: check --region, --project and --profile.+npm run deploy -- -c stage=prod/);
  });

  it('says what is denied', async () => {
    account.fault({ fault: { kind: 'denied' }, on: { action: 'DescribeStacks' } });
    const { code, stderr } = await runMailctl(['suppression', 'ls'], account.environment);
    expect(code).toBe(2);
    expect(stderr).toMatch(/DescribeStacks[\s\S]+fix: ask for the permission/);
  });

  it('does not take every ValidationError for a missing stack', async () => {
    const fault = { kind: 'error', code: 'ValidationError', message: 'no such name', status: 400 } as const;
    account.fault({ fault, on: { action: 'DescribeStacks' } });
    const { code, stderr } = await runMailctl(['suppression', 'ls'], account.environment);
    expect(code).toBe(2);
    expect(stderr).toContain('no such name');
    expect(stderr).not.toContain('there is no stack');
  });

  it.each([
    ['suppression ls'],
    ['dlq ls'],
    ['dns'],
    ['secrets diff'],
    ['secrets vault'],
    ['secrets kubernetes -n a'],
    ['secrets kubernetes -n a --format external-secret --store aws'],
  ])('stops at once on Ctrl-C, even if AWS does not respond: %s', async (command) => {
    const silent = await startAwsAccount();
    silent.fault({ fault: { kind: 'silence' } });
    const child = spawnMailctl(command.split(' '), { ...silent.environment, ...VAULT });
    const [stderr, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'exit'),
      silent.waitForCall({ action: 'DescribeStacks' }).then(() => child.kill('SIGINT')),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^interrupted\n {2}fix: /m);
    const calls = command === 'dns' ? 3 : 1;
    expect(silent.callsOf({ action: 'DescribeStacks' })).toBe(calls);
    await silent.close();
  });

  it('survives that its standard output is closed', async () => {
    const child = spawnMailctl(['--json', 'suppression', 'ls']);
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/credentials/);
    expect(stderr).not.toContain('EPIPE');
  });
});
