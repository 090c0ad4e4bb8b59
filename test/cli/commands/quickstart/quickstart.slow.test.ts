import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type LocalBackend, startLocalBackend } from '../../../../lib/emulators/backend.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { dataOf, runMailctl, spawnMailctl } from '../../../support/run-mailctl.ts';
import { type QuickstartBench, startQuickstartBench } from './quickstart-bench.ts';

interface Report {
  readonly finished: boolean;
  readonly steps: readonly { readonly name: string; readonly state: string; readonly detail: string }[];
  readonly todo: readonly string[];
}

describeWithNameServer('mailctl quickstart, from an empty account', () => {
  let backend: LocalBackend;
  let bench: QuickstartBench;

  beforeAll(async () => {
    backend = await startLocalBackend({
      eventWaitSeconds: { least: 1, default: 1, most: 2 },
      feedbackWindowSeconds: 1,
    });
    bench = await startQuickstartBench(backend);
  });

  afterAll(async () => {
    await bench.close();
    await backend.close();
  });

  async function quickstart(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    const all = ['--json', 'quickstart', '--cdk', bench.cdk.command, ...bench.args, ...args];
    const { code, stdout, stderr } = await runMailctl(all, { ...bench.env, ...env });
    const report: Report = dataOf(stdout);
    return { code, report, stderr, states: report.steps?.map(({ name, state }) => `${name} ${state}`) };
  }

  /** Runs until what it waits for has come, and is then stopped by Ctrl-C. */
  async function interrupted(until: () => Promise<unknown>): Promise<{ code: unknown; stderr: string }> {
    const args = ['--yes', 'quickstart', '--cdk', bench.cdk.command, ...bench.args, '--wait', '10'];
    const child = spawnMailctl(args, bench.env);
    const [stderr, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'exit'),
      until().then(() => child.kill('SIGINT')),
    ]);
    return { code, stderr };
  }

  // Each goes on where the one before it has stopped: that is what the command promises.
  it('comes to the first mail and out of the sandbox, however often it is stopped', async () => {
    // Nobody says yes: nothing is run, and the command to run is said.
    const first = await quickstart();
    expect([first.code, first.report.finished]).toEqual([1, false]);
    expect(first.states).toEqual([
      'bootstrap stopped',
      ...['deploy', 'dns', 'verification', 'secrets', 'doctor', 'first-mail', 'production-access'].map(
        (name) => `${name} ahead`,
      ),
    ]);
    expect(first.report.todo).toEqual([expect.stringContaining('bootstrap aws://123456789012/eu-west-1')]);
    expect(bench.cdk.runs).toEqual([]);

    // Stopped while the CDK deploys, before anything was made.
    const deploy = bench.onDeploy;
    bench.onDeploy = () => new Promise(() => {});
    const stopped = await interrupted(() => bench.cdk.started('deploy'));
    expect(stopped.code).toBe(2);
    expect(stopped.stderr).toContain('the stand-in has done: bootstrap');
    expect(stopped.stderr).toMatch(/^interrupted\n {2}fix: run it again; it goes on/m);

    // Deployed; the records are for a person to enter.
    bench.onDeploy = deploy;
    const deployed = await quickstart(['--yes']);
    expect(deployed.states.slice(0, 4)).toEqual([
      'bootstrap done',
      'deploy done',
      'dns stopped',
      'verification ahead',
    ]);
    expect(bench.cdk.runs.map(([command]) => command)).toEqual([
      'bootstrap',
      ...['diff', 'deploy'],
      ...['diff', 'deploy'],
    ]);
    // The Region is of the environment; what is a default is not said.
    expect(bench.cdk.runs.at(-1)).toEqual([
      'deploy',
      '--all',
      ...['-c', 'region=eu-west-1'],
      ...['--require-approval', 'never'],
    ]);
    const records = deployed.report.todo.flatMap((line) => /^add (.+)$/.exec(line)?.[1] ?? []);
    expect(records).toHaveLength(5);

    // Entered exactly as it said; SES takes its time.
    await bench.enter(records);
    const waiting = await quickstart(['--yes']);
    expect([waiting.code, waiting.states[2], waiting.states[3]]).toEqual([
      1,
      'dns done',
      'verification stopped',
    ]);
    expect(waiting.report.todo).toEqual([expect.stringContaining('SES looks again by itself')]);

    // Stopped while it waits.
    const { ses } = backend.services;
    ses.clear();
    const left = await interrupted(() => asked(3));
    expect([left.code, left.stderr.includes('Waiting for SES')]).toEqual([2, true]);

    // SES finds them while it waits; nobody has said where the secret goes.
    ses.clear();
    void asked(3).then(() => bench.verify());
    const verified = await quickstart(['--yes', '--wait', '5']);
    expect(verified.states.slice(2, 5)).toEqual(['dns done', 'verification done', 'secrets stopped']);
    expect(verified.report.todo).toEqual([
      expect.stringContaining('set VAULT_ADDR'),
      expect.stringContaining('kubectl apply'),
    ]);

    // The rest goes by itself, but for what AWS is to be told.
    const sent = await quickstart(['--yes'], bench.vaultEnv);
    expect(sent.states.slice(4)).toEqual([
      'secrets done',
      'doctor done',
      'first-mail done',
      'production-access stopped',
    ]);
    expect(sent.code).toBe(1);
    expect(ses.mails.map(({ recipients }) => recipients)).toEqual([['success@simulator.amazonses.com']]);
    const secret = bench.account.account.secrets.get('keybuzz/dev/ses')?.value ?? '';
    expect(bench.vault.state.secrets().fields('keybuzz/ses')).toEqual(JSON.parse(secret));
    expect(sent.stderr).not.toContain(JSON.parse(secret).AWS_SES_SECRET_KEY);

    // Filed; AWS has the word. The mail is not sent a second time.
    const filed = await quickstart(['--yes', '--website', 'https://keybuzz.io'], bench.vaultEnv);
    expect([filed.code, filed.states.at(-2), filed.states.at(-1)]).toEqual([
      1,
      'first-mail done',
      'production-access stopped',
    ]);
    expect(ses.account.review?.status).toBe('PENDING');
    expect(filed.report.todo).toEqual([expect.stringMatching(/^wait: /)]);
    expect(ses.mails).toHaveLength(1);

    // Granted: nothing is left, and nothing is asked or run.
    ses.account.decideReview('GRANTED');
    const runs = bench.cdk.runs.length;
    const last = await quickstart([], bench.vaultEnv);
    expect([last.code, last.report.finished, last.report.todo]).toEqual([0, true, []]);
    expect(new Set(last.report.steps.map(({ state }) => state))).toEqual(new Set(['done']));
    expect(bench.cdk.runs).toHaveLength(runs);

    /** Resolves once SES was asked so often for the identity. */
    async function asked(times: number): Promise<void> {
      let count = 0;
      await ses.waitForCall(({ operation }) => {
        if (operation === 'GetEmailIdentity') count += 1;
        return count >= times;
      });
    }
  }, 180_000);
});
