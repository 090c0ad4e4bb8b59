import { describe, expect, it } from '@jest/globals';
import { columnsOf } from '../../../lib/cli/text-columns.ts';
import { anchorsOf } from '../../docs/pages.ts';
import { dataOf, runMailctl } from '../../support/run-mailctl.ts';

const IN_ACME = ['--project', 'acme', '--stage', 'dev', '--region', 'eu-central-1'] as const;

const NAMES = anchorsOf('docs/runbook.md').filter((name) => name !== 'runbook');

describe('mailctl runbook', () => {
  it('lists every heading, with what it is about', async () => {
    const { code, stdout } = await runMailctl(['--json', 'runbook']);
    const { sections } = dataOf(stdout);

    expect(code).toBe(0);
    expect(sections.map(({ name }: { readonly name: string }) => name)).toEqual(NAMES);
    expect(sections.filter(({ about }: { readonly about: string }) => about === '')).toEqual([]);
  });

  it.each(NAMES)('prints %s with the names of the deployment alone', async (name) => {
    const { code, stdout } = await runMailctl([...IN_ACME, 'runbook', name]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^# /);
    expect(stdout).not.toMatch(/keybuzz-mail|-prod\b(?!uction| \|)|--stage prod|stage=prod|\]\(#/);
    const commands = [...stdout.matchAll(/^(?:mailctl|aws) .*$|`(?:mailctl|aws) [^`]+`/gm)].map(
      ([line]) => line,
    );
    expect(commands.filter((line) => !line.includes('--region eu-central-1'))).toEqual([]);
    expect(commands.filter((line) => line.includes('mailctl') && !line.includes('--project acme'))).toEqual(
      [],
    );
  });

  it('names the resources of prod for prod', async () => {
    const { stdout } = await runMailctl(['--stage', 'prod', 'runbook', 'functions-failing']);

    expect(stdout).toContain('mailctl --stage prod doctor --only functions,queues');
    expect(stdout).toContain('aws logs tail /aws/lambda/keybuzz-mail-resend-prod --since 30m');
  });

  it('takes the whole name of an alarm', async () => {
    const { stdout } = await runMailctl(['runbook', 'keybuzz-mail-dev-dead-letters']);

    expect(stdout).toMatch(/^# dead-letters$/m);
  });

  it('wraps prose to the terminal, and no command', async () => {
    const { stdout } = await runMailctl(['runbook', 'first-hour'], { COLUMNS: '60' });
    const prose = stdout.replaceAll(/^```[\s\S]*?^```$/gm, '');

    for (const line of prose.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(60);
    expect(stdout).toMatch(/^mailctl doctor --only fallback,smtp,sending,queues$/m);
  });

  it('says what there is if there is no such heading', async () => {
    expect(await runMailctl(['runbook', 'panic'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the runbook has no panic\n {2}fix: mailctl runbook/),
    });
  });
});
