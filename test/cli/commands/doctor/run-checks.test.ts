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
  it('tells of one that throws and one that never ends, and of the others all the same', async () => {
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

  it('ends what a check has left under way', async () => {
    let seen: AbortSignal | undefined;
    const hasty = check('hasty', async (_, signal) => {
      seen = signal;
      return ok('');
    });
    await runChecks([hasty], signedIn, { ...options(), timeoutMs: 60_000 });
    expect(seen?.aborted).toBe(true);
  });

  it('ends at once where the run is interrupted, with the reason', async () => {
    const interrupted = new AbortController();
    const reason = new Error('interrupted');
    let heard: Promise<unknown> | undefined;
    const hangs = check('hangs', (_, signal) => {
      heard = once(signal, 'abort');
      return new Promise(() => {});
    });
    const run = runChecks([hangs], signedIn, {
      ...options(),
      timeoutMs: 2 ** 30,
      signal: interrupted.signal,
    });
    interrupted.abort(reason);
    await expect(run).rejects.toBe(reason);
    await heard;
  });

  it('tells once that nobody is signed in, and skips the rest', async () => {
    const refused = () => Promise.reject(signedOut);
    const checks = [check('who', refused, 'account'), check('queue', refused)];
    const reports = await runChecks(checks, contextWith(refused), options());
    expect(reports.map(({ result }) => result.status)).toEqual(['fail', 'skipped']);
  });

  it('does not hide that one service alone refuses the credentials', async () => {
    const reports = await runChecks([check('queue', () => Promise.reject(signedOut))], signedIn, options());
    expect(reports.map(({ result }) => result.status)).toEqual(['fail']);
  });

  it('tells which checks are still to end', async () => {
    const told: string[][] = [];
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
        told.push(running.map(({ name }) => name));
        first.resolve();
      },
    });
    expect(told).toEqual([['slow'], []]);
  });
});
