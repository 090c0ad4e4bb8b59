import { describe, expect, it } from '@jest/globals';
import { columnsOf } from '../../../../lib/cli/text-columns.ts';
import { runMailctl } from '../../../support/run-mailctl.ts';

/** Nothing listens there, so that every check that asks AWS fails, with a long reason. */
const NO_AWS = {
  AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_MAX_ATTEMPTS: '1',
};

const doctor = (columns: number, ...args: readonly string[]) =>
  runMailctl([...args, 'doctor', '--only', 'account,stacks,queues,smtp,secrets,alarms'], {
    ...NO_AWS,
    COLUMNS: String(columns),
  });

describe('the report of mailctl doctor', () => {
  it.each([80, 200])('fits a terminal of %s columns', async (columns) => {
    const { stdout } = await doctor(columns);

    for (const line of stdout.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
    expect(stdout).toContain('CHECK');
  });

  it('has the failures first, and at its end what is to be done, each fix once', async () => {
    const { stdout } = await doctor(200);
    const statuses = [...stdout.matchAll(/^(fail|warn|skipped|ok) /gm)].map(([, status]) => status);
    const [, count, list = ''] = /\n(\d+) things? to do:\n([\s\S]*)$/.exec(stdout) ?? [];
    const fixes = [...list.matchAll(/^ {2}(\d+)\. (.+)$/gm)].map(([, , fix]) => fix);

    expect(new Set(statuses)).toEqual(new Set(['fail', 'skipped']));
    expect(statuses).toEqual(statuses.toSorted((one = '', other = '') => one.localeCompare(other)));
    expect(fixes).toHaveLength(Number(count));
    expect(new Set(fixes).size).toBe(fixes.length);
    expect(list).toMatch(/^ {5}for .*account credentials/m);
  });

  it('has with --quiet only what is not all right', async () => {
    const { code, stdout, stderr } = await doctor(200, '--quiet');

    expect([code, stderr]).toEqual([2, '']);
    expect(stdout).toMatch(/^fail /m);
    expect(stdout).not.toMatch(/^(ok|skipped) /m);
  });

  it('is empty with --quiet if nothing is wrong', async () => {
    expect(await runMailctl(['--quiet', 'doctor', '--only', 'smtp'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});
