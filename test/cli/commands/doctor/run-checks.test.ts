import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { AwsClients } from '../../../../lib/cli/aws-clients.ts';
import type { DoctorContext } from '../../../../lib/cli/commands/doctor/check.ts';
import { type Check, type CheckGroup, ok } from '../../../../lib/cli/commands/doctor/check.ts';
import type { Lookups } from '../../../../lib/cli/commands/doctor/lookups.ts';
import { runChecks } from '../../../../lib/cli/commands/doctor/run-checks.ts';
import { OperatorError } from '../../../../lib/cli/errors.ts';
import { FixHints } from '../../../../lib/cli/hints.ts';

const deployment = { project: 'keybuzz', stage: 'prod' } as const;

const signedOut = Object.assign(new Error('no such key'), { name: 'InvalidClientTokenId' });

const contextWith = (caller: Lookups['caller']): DoctorContext => ({
  deployment,
  aws: new AwsClients({ region: 'eu-west-1', hasOwnSqs: false }),
  env: {},
  lookups: { caller } as Lookups,
  commands: new FixHints(deployment, 'eu-west-1'),
  smtp: undefined,
  relay: undefined,
  secrets: { mount: 'secret', input: process.stdin },
  now: new Date(),
});

const signedIn = contextWith(async () => ({ account: '1', arn: 'arn' }));

const check = (name: string, run: Check['run'], group: CheckGroup = 'queues'): Check => ({
  group,
  name,
  run,
});

const options = () => ({ timeoutMs: 50, signal: new AbortController().signal, onProgress: () => {} });

describe('runChecks', () => {
  it('reports checks that throw or never end, and still reports the others', async () => {
    const checks = [
      check('throws', () => Promise.reject(new OperatorError('CODE', 'it is broken', 'fix it'))),
      check('throws at once', () => {
        throw new TypeError('oh');
      }),
      check('hangs', () => new Promise(() => {})),
      check('well', async () => ok('fine')),
    ];
    const reports = await runChecks(checks, signedIn, options());
    expect(reports.map(({ name, result }) => [name, result])).toEqual([
      ['throws', { status: 'fail', detail: 'could not be checked: it is broken (CODE)', fix: 'fix it' }],
      [
        'throws at once',
        {
          status: 'fail',
          detail: 'could not be checked: oh (TypeError)',
          fix: 'try again in a minute: mailctl --stage prod doctor --only queues',
        },
      ],
      [
        'hangs',
        {
          status: 'fail',
          detail: 'could not be checked: no answer within 0.05 s',
          fix: expect.stringContaining('mailctl --stage prod doctor --only queues --timeout 60'),
        },
      ],
      ['well', { status: 'ok', detail: 'fine' }],
    ]);
  });

  it('aborts the signal of a check that has ended', async () => {
    let seen: AbortSignal | undefined;
    const hasty = check('hasty', async (_, signal) => {
      seen = signal;
      return ok('');
    });
    await runChecks([hasty], signedIn, { ...options(), timeoutMs: 60_000 });
    expect(seen?.aborted).toBe(true);
  });

  it('ends at once with the reason if the run is interrupted', async () => {
    const interrupted = new AbortController();
    const reason = new Error('interrupted');
    let aborted: Promise<unknown> | undefined;
    const hangs = check('hangs', (_, signal) => {
      aborted = once(signal, 'abort');
      return new Promise(() => {});
    });
    const run = runChecks([hangs], signedIn, {
      ...options(),
      timeoutMs: 2 ** 30,
      signal: interrupted.signal,
    });
    interrupted.abort(reason);
    await expect(run).rejects.toBe(reason);
    await aborted;
  });

  it('reports once that the credentials are invalid, and skips the rest', async () => {
    const refused = () => Promise.reject(signedOut);
    const checks = [check('who', refused, 'account'), check('queue', refused)];
    const reports = await runChecks(checks, contextWith(refused), options());
    expect(reports.map(({ result }) => result.status)).toEqual(['fail', 'skipped']);
  });

  it('reports that only one service rejects the credentials', async () => {
    const reports = await runChecks([check('queue', () => Promise.reject(signedOut))], signedIn, options());
    expect(reports.map(({ result }) => result.status)).toEqual(['fail']);
  });

  it('reports which checks are still running', async () => {
    const reported: string[][] = [];
    const first = Promise.withResolvers<void>();
    const checks = [
      check('slow', async () => {
        await first.promise;
        return ok('');
      }),
      check('quick', async () => ok('')),
    ];
    await runChecks(checks, signedIn, {
      ...options(),
      timeoutMs: 10_000,
      onProgress: (running) => {
        reported.push(running.map(({ name }) => name));
        first.resolve();
      },
    });
    expect(reported).toEqual([['slow'], []]);
  });
});
