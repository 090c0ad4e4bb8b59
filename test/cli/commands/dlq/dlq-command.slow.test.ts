import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HOUR_MS } from '../../../../lib/common/time.ts';
import { parseFallbackMessage } from '../../../../lib/domain/fallback-message.ts';
import { anEnvelope } from '../../../support/an-envelope.ts';
import { takeAll } from '../../../support/queue-contents.ts';
import { dataOf, spawnMailctl } from '../../../support/run-mailctl.ts';
import { type DeadLetterBench, parkLetters, startDeadLetterBench } from './dead-letter-bench.ts';

const foreign = { cause: 'foreign-sender', detail: "the envelope's sender is not of keybuzz.io" };
const rejected = { cause: 'MessageRejected', detail: 'Email address is not verified: marie@example.org' };

describe('mailctl dlq', () => {
  let bench: DeadLetterBench;

  beforeEach(async () => {
    bench = await startDeadLetterBench();
  });

  afterEach(async () => {
    await bench.close();
  });

  it('lists the causes, and leaves every dead letter in the queue', async () => {
    await parkLetters(bench.aws, [
      ...Array.from({ length: 12 }, () => ({ body: anEnvelope(), attributes: foreign })),
      { body: anEnvelope(), attributes: rejected },
      { body: anEnvelope() },
      { body: 'no JSON' },
    ]);

    const { code, stdout } = await bench.mailctl('--json', 'dlq', 'ls');

    expect(code).toBe(0);
    const listed = dataOf(stdout);
    expect(listed.queue).toEqual({ waiting: 15, inFlight: 0 });
    expect(
      listed.causes.map(({ cause, deadLetters }: Record<string, unknown>) => [cause, deadLetters]),
    ).toEqual(
      [
        ['foreign-sender', 12],
        ['MessageRejected', 1],
        ['not-said', 1],
        ['not-json', 1],
      ].sort((one, other) => order(listed.causes, one) - order(listed.causes, other)),
    );
    expect(stdout).toContain('m***@example.org');
    expect(stdout).not.toContain('marie@example.org');
    expect(await takeAll(bench.aws, bench.aws.deadLetters)).toHaveLength(15);
  });

  it('prints commands for the same deployment', async () => {
    await parkLetters(bench.aws, [{ body: 'no JSON' }]);
    const stack = bench.account.account.stacks.get('keybuzz-mail-pipeline-dev');
    if (stack === undefined) throw new Error('the bench has no stack');
    bench.account.account.add({ stacks: [{ ...stack, name: 'shop-mail-pipeline-dev' }] });
    const there = (...args: string[]) => bench.mailctl('--project', 'shop', 'dlq', ...args);
    const same = 'mailctl --project shop dlq';
    expect((await there('ls')).stdout).toContain(`${same} show --cause CAUSE`);
    expect((await there('show', 'mail-8')).stderr).toContain(`fix: ${same} ls`);
    expect((await there('redrive', '--all')).stdout).toContain(`${same} show --cause not-json --body`);
  });

  it('shows a dead letter masked, and in full with --addresses and --body', async () => {
    const envelope = anEnvelope({ id: 'mail-7' });
    await parkLetters(bench.aws, [
      { body: anEnvelope(), attributes: foreign },
      { body: envelope, attributes: foreign },
    ]);

    const masked = await bench.mailctl('dlq', 'show', 'mail-7');
    const whole = await bench.mailctl('dlq', 'show', 'mail-7', '--addresses', '--body');

    expect(masked.code).toBe(0);
    expect(masked.stdout).toContain('foreign-sender');
    expect(masked.stdout).toMatch(/Subject +Your order/);
    expect(masked.stdout).toContain('m***@example.org');
    expect(masked.stdout).not.toContain('marie@example.org');
    expect(masked.stdout).not.toContain('It is on its way.');
    expect(whole.stdout).toContain('marie@example.org');
    expect(whole.stdout).toContain('It is on its way.');
  });

  it('moves only the dead letters of a cause, unchanged', async () => {
    const wanted = Array.from({ length: 23 }, (_, index) => anEnvelope({ id: `wanted-${index}` }));
    // A field that a newer sender wrote.
    const bodies = wanted.map((envelope) => JSON.stringify({ ...envelope, newer: true }));
    await parkLetters(bench.aws, [
      ...bodies.map((body) => ({ body, attributes: foreign })),
      ...Array.from({ length: 14 }, () => ({ body: anEnvelope(), attributes: rejected })),
    ]);

    const run = await bench.mailctl(
      ...['--json', '--yes', 'dlq', 'redrive', '--cause', 'foreign-sender', '--rate', '1000/s'],
    );

    expect(run.code).toBe(0);
    expect(dataOf(run.stdout)).toMatchObject({ planned: 23, moved: 23, inBoth: 0, missing: 0 });
    const moved = await takeAll(bench.aws, bench.aws.fallback);
    expect(moved.map(({ Body }) => Body).sort()).toEqual(bodies.sort());
    expect(new Set(moved.map(({ Attributes }) => Attributes?.MessageGroupId))).toEqual(new Set(['tenant-7']));
    expect(moved.every(({ MessageAttributes }) => MessageAttributes === undefined)).toBe(true);
    expect(await takeAll(bench.aws, bench.aws.deadLetters)).toHaveLength(14);
  });

  it('asks before it moves, and moves nothing without a terminal', async () => {
    await parkLetters(bench.aws, [{ body: anEnvelope(), attributes: foreign }]);

    const asked = await bench.mailctl('dlq', 'redrive', '--all');
    const dry = await bench.mailctl('--yes', 'dlq', 'redrive', '--all', '--dry-run');

    expect(asked.code).toBe(1);
    expect(asked.stderr).toContain('1 letter to redrive');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('1 letter to redrive');
    expect(await takeAll(bench.aws, bench.aws.fallback)).toHaveLength(0);
    expect(await takeAll(bench.aws, bench.aws.deadLetters)).toHaveLength(1);
  });

  it('leaves what cannot be sent, and extends expired mail with --extend', async () => {
    const expired = anEnvelope({ id: 'late', expiresAt: '2026-01-01T00:00:00Z' });
    await parkLetters(bench.aws, [{ body: expired, attributes: { cause: 'expired' } }, { body: '{}' }]);

    const first = await bench.mailctl('--json', '--yes', 'dlq', 'redrive', '--all');
    const second = await bench.mailctl('--json', '--yes', 'dlq', 'redrive', '--all', '--extend', '24');

    expect(first.code).toBe(1);
    expect(dataOf(first.stdout)).toMatchObject({ planned: 0, staying: { unreadable: 1, expired: 1 } });
    expect(second.code).toBe(1);
    expect(dataOf(second.stdout)).toMatchObject({ moved: 1, staying: { unreadable: 1, expired: 0 } });
    const [moved] = await takeAll(bench.aws, bench.aws.fallback);
    const parsed = parseFallbackMessage(moved?.Body ?? '');
    if (parsed.kind !== 'message') throw new Error(parsed.detail);
    const { expiresAt = '', ...rest } = parsed.message;
    const { expiresAt: _, ...before } = expired;
    expect(rest).toEqual(before);
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 23 * HOUR_MS);
    const [left] = await takeAll(bench.aws, bench.aws.deadLetters);
    expect(left?.Body).toBe('{}');
  });

  it('drops with a record, and only with --because', async () => {
    const record = join(await mkdtemp(join(tmpdir(), 'dlq-')), 'dropped.jsonl');
    await parkLetters(bench.aws, [
      { body: anEnvelope({ id: 'gone' }), attributes: rejected },
      { body: anEnvelope(), attributes: foreign },
    ]);
    const args = ['--yes', 'dlq', 'drop', '--cause', 'MessageRejected', '--record', record];

    const unreasoned = await bench.mailctl(...args);
    const run = await bench.mailctl(...args, '--because', 'sent by hand');

    expect(unreasoned.code).toBe(64);
    expect(run.code).toBe(0);
    const lines = (await readFile(record, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ deliveryId: 'gone', because: 'sent by hand' });
    expect(lines[0]).not.toContain('marie@example.org');
    expect(await takeAll(bench.aws, bench.aws.deadLetters)).toHaveLength(1);
  });

  it.each([
    [['redrive', '--id', 'nobody']],
    [['redrive', '--cause', 'no-such-cause', '--dry-run']],
    [['drop', '--cause', 'no-such-cause', '--because', 'x']],
  ])('fails if %j matches no dead letter', async (args) => {
    await parkLetters(bench.aws, [{ body: anEnvelope(), attributes: foreign }]);

    const { code, stdout } = await bench.mailctl('--yes', '--json', 'dlq', ...args);

    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.code).toBe('NO_SUCH_LETTER');
  });

  it('says how many dead letters it does not show', async () => {
    await parkLetters(
      bench.aws,
      Array.from({ length: 7 }, () => ({ body: anEnvelope(), attributes: foreign })),
    );

    const { stdout, stderr } = await bench.mailctl(
      ...['--json', 'dlq', 'show', '--cause', 'foreign-sender', '--limit', '3'],
    );

    expect(dataOf(stdout)).toHaveLength(3);
    expect(stderr).toContain('4 letters more');
  });

  it('does not ask for confirmation if the record is not writable', async () => {
    await parkLetters(bench.aws, [{ body: anEnvelope(), attributes: rejected }]);
    const record = join(tmpdir(), 'no-such-folder', 'dropped.jsonl');

    const { code, stdout, stderr } = await bench.mailctl(
      ...['--json', 'dlq', 'drop', '--cause', 'MessageRejected', '--because', 'x', '--record', record],
    );

    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'RECORD_NOT_WRITABLE',
      fix: expect.stringContaining('--record'),
    });
    expect(stderr).not.toContain('for good');
    expect(await takeAll(bench.aws, bench.aws.deadLetters)).toHaveLength(1);
  });

  it('stops with Ctrl-C, and leaves the rest in the queue', async () => {
    const { aws, environment } = bench;
    await parkLetters(
      aws,
      Array.from({ length: 30 }, () => ({ body: anEnvelope(), attributes: foreign })),
    );
    const args = ['--yes', '--json', 'dlq', 'redrive', '--all', '--rate', '1/s'];
    const child = spawnMailctl(args, environment);
    const ended = Promise.all([once(child, 'close'), text(child.stdout)]);

    await aws.arrival({ service: 'sqs', action: 'DeleteMessageBatch' });
    child.kill('SIGINT');

    const [[code], stdout] = await ended;
    const { moved, missing, interrupted } = dataOf(stdout);
    expect(code).toBe(1);
    expect({ interrupted, sum: moved + missing }).toEqual({ interrupted: true, sum: 30 });
    expect(missing).toBeGreaterThan(0);
    expect(await takeAll(aws, aws.fallback)).toHaveLength(moved);
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(missing);
  });

  it.each([
    [['redrive']],
    [['redrive', '--all', '--cause', 'x']],
    [['redrive', '--all', '--rate', 'fast']],
    [['show']],
    [['drop', '--because', 'x']],
  ])('refuses %j as wrong usage', async (args) => {
    const { code } = await bench.mailctl('dlq', ...args);

    expect(code).toBe(64);
  });
});

/** The index of a cause in the listing: causes with equal counts are in no defined order. */
function order(causes: readonly { readonly cause: string }[], [cause]: readonly unknown[]): number {
  return causes.findIndex((one) => one.cause === cause);
}
