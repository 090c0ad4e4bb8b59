import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** @param content of cdk.json */
async function inProject(
  content: object | string,
  work: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mailctl-project-'));
  try {
    await writeFile(
      join(directory, 'cdk.json'),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
    await work(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

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

  it('is told where it works by cdk.json, which stands before the environment', async () => {
    const acme = { project: 'acme', region: 'eu-central-1' };
    await inProject({ context: { mail: acme } }, async (directory) => {
      const env = { ...account.environment, MAIL_PROJECT: 'other' };
      const { stderr } = await runMailctl(['suppression', 'ls'], env, { directory });
      expect(stderr).toContain(
        'using project acme (cdk.json), stage dev (default), Region eu-central-1 (cdk.json)',
      );
      expect(stderr).toContain('there is no stack acme-mail-pipeline-dev in eu-central-1 (project acme)');
      // The command is pasted in the same folder.
      expect(stderr).toContain('npm run deploy -- -c stage=dev\n');
    });
  });

  it('reads the file that it is given, and settings beside the object of cdk.json', async () => {
    await inProject({ context: { mail: { project: 'acme' }, region: 'eu-north-1' } }, async (directory) => {
      const file = join(directory, 'cdk.json');
      const { stderr } = await runMailctl(['--config', file, 'suppression', 'ls'], account.environment);
      expect(stderr).toContain(
        `using project acme (${file}), stage dev (default), Region eu-north-1 (${file})`,
      );
    });
  });

  it('uses the environment and then the profile if there is no cdk.json', async () => {
    const { AWS_REGION, ...rest } = account.environment;
    const using = async (env: Record<string, string>) =>
      (await runMailctl(['suppression', 'ls'], { ...rest, ...env })).stderr.split('\n')[0];

    expect(
      await using({ MAIL_PROJECT: 'acme', AWS_DEFAULT_REGION: 'eu-central-1', MAIL_STAGE: 'prod' }),
    ).toBe(
      'using project acme (MAIL_PROJECT), stage prod (MAIL_STAGE), Region eu-central-1 (AWS_DEFAULT_REGION)',
    );
    await inProject({ context: {} }, async (directory) => {
      const config = join(directory, 'config');
      await writeFile(config, '[default]\nregion = eu-south-1\n[profile ops]\nregion = eu-west-3\n');
      expect(await using({ AWS_CONFIG_FILE: config })).toContain('Region eu-south-1 (the AWS profile)');
      expect(await using({ AWS_CONFIG_FILE: config, AWS_PROFILE: 'ops' })).toContain(
        'Region eu-west-3 (the AWS profile)',
      );
    });
    expect(await using({})).toContain(
      'project keybuzz (default), stage dev (default), Region eu-west-1 (default)',
    );
  });

  it.each([
    ['--project', 'other', 'acme'],
    ['--region', 'eu-west-1', 'eu-central-1'],
  ])('refuses a %s that cdk.json contradicts, before it calls AWS', async (flag, given, inFile) => {
    const acme = { project: 'acme', region: 'eu-central-1' };
    await inProject({ context: { mail: acme } }, async (directory) => {
      const args = [flag, given, 'suppression', 'ls'];
      const { code, stdout, stderr } = await runMailctl([...args, '--json'], account.environment, {
        directory,
      });
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'PROJECT_CONFLICT' } });
      expect(stderr).toContain(`${flag} ${given}, but cdk.json has ${inFile}`);

      const without = await runMailctl(['--no-config', ...args], account.environment, { directory });
      expect(without.stderr).toContain(`${given} (${flag})`);
    });
  });

  it.each([
    ['is no JSON', '{', /cdk\.json: the file: .+\n {2}fix: correct it/],
    ['has another stage', '{"context":{"mail":{"stage":"test"}}}', /cdk\.json: context\.mail\.stage: /],
  ])('says what is wrong with a cdk.json that %s', async (_what, content, message) => {
    await inProject(content, async (directory) => {
      const { code, stderr } = await runMailctl(['suppression', 'ls'], account.environment, { directory });
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    });
  });

  it('takes no notice of the cdk.json of another app', async () => {
    await inProject({ app: 'node other.js', context: { region: 'us-east-1' } }, async (directory) => {
      const { stderr } = await runMailctl(['suppression', 'ls'], account.environment, { directory });
      expect(stderr).toContain('Region eu-west-1 (AWS_REGION)');
    });
  });

  it('says so if the file that it is given is not there', async () => {
    const { code, stderr } = await runMailctl(['--config', 'none.json', 'suppression', 'ls']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^none\.json cannot be read: ENOENT\n {2}fix: name the cdk\.json/m);
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
