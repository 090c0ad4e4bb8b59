import { describe, expect, it } from '@jest/globals';
import { FixHints, invocationOf } from '../../lib/cli/hints.ts';

describe('commands that fix', () => {
  it('name each option that is not the default', () => {
    const commands = new FixHints({ project: 'shop', stage: 'prod' }, 'us-east-1', 'ops');
    expect(commands.mailctl('dlq ls')).toBe(
      'mailctl --stage prod --project shop --region us-east-1 --profile ops dlq ls',
    );
    expect(commands.aws('sts get-caller-identity')).toBe(
      'aws sts get-caller-identity --region us-east-1 --profile ops',
    );
    expect(commands.deploy).toBe(
      'npm run deploy -- -c stage=prod -c project=shop -c region=us-east-1 --profile ops',
    );
    expect(commands.ssoLogin).toBe('aws sso login --profile ops');
    const drift = (stack: string) =>
      `aws cloudformation detect-stack-drift --stack-name ${stack} --region us-east-1 --profile ops`;
    expect(commands.driftedStack).toBe(drift('shop-mail-pipeline-prod'));
    expect(commands.driftedMonitoringStack).toBe(drift('shop-mail-monitoring-prod'));
  });

  it('are short if all options are the default', () => {
    const commands = new FixHints({ project: 'keybuzz', stage: 'dev' }, 'eu-west-1');
    expect(commands.mailctl('dlq ls')).toBe('mailctl dlq ls');
    expect(commands.deploy).toBe('npm run deploy -- -c stage=dev');
    expect(commands.ssoLogin).toBe('aws sso login');
  });

  it('leave out what cdk.json says, and name the file if it has to be named', () => {
    const found = { project: 'shop', stage: 'dev', region: 'us-east-1' };
    const here = new FixHints({ project: 'shop', stage: 'prod' }, 'us-east-1', undefined, { found });
    expect(here.mailctl('dlq ls')).toBe('mailctl --stage prod dlq ls');
    expect(here.deploy).toBe('npm run deploy -- -c stage=prod');
    const named = { ...found, config: './my shop/cdk.json' };
    const elsewhere = new FixHints({ project: 'shop', stage: 'dev' }, 'us-east-1', undefined, {
      found: named,
    });
    expect(elsewhere.mailctl('dlq ls')).toBe("mailctl --config './my shop/cdk.json' dlq ls");
  });

  it.each([
    [{ npm_lifecycle_event: 'mailctl' }, 'npm run -s mailctl -- --stage prod doctor'],
    [{ npm_lifecycle_event: 'npx' }, 'npx mailctl --stage prod doctor'],
    [{ npm_lifecycle_event: 'deploy' }, 'mailctl --stage prod doctor'],
    [{}, 'mailctl --stage prod doctor'],
  ])('start mailctl as this run was started: %j', (env, command) => {
    const deployment = { project: 'keybuzz', stage: 'prod' } as const;
    expect(
      new FixHints(deployment, 'eu-west-1', undefined, { program: invocationOf(env) }).mailctl('doctor'),
    ).toBe(command);
  });

  it('quote a profile name with spaces or shell characters', () => {
    const login = (profile: string) =>
      new FixHints({ project: 'keybuzz', stage: 'dev' }, 'eu-west-1', profile).ssoLogin;
    expect(login('my ops')).toBe("aws sso login --profile 'my ops'");
    expect(login("o'ps; id")).toBe("aws sso login --profile 'o'\\''ps; id'");
  });
});
