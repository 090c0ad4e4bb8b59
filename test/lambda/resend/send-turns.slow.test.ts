import { describe, expect, it } from '@jest/globals';
import type { Call, SendTurns, Turn } from '../../../lambda/resend/send-turns.ts';
import { noMetrics, silentLog } from '../../../lib/ports/runtime.ts';
import type { SendResponse } from '../../../lib/ports/senders.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { immediateTurns, MemorySendingState } from '../../support/memory-sending-state.ts';
import { takeAll } from '../../support/queue-contents.ts';
import { useResendBench } from './resend-bench.ts';

const bench = useResendBench();

const reports = { log: silentLog, metrics: noMetrics };

function aCall(overrides: Partial<Call> = {}): Call {
  const deadline = new Date(Date.now() + 60_000);
  return { recipients: 1, isUrgent: false, deadline, ...reports, ...overrides };
}

const sent: SendResponse = { kind: 'sent', sesMessageId: 's' };
const unavailable: SendResponse = {
  kind: 'failed',
  verdict: { kind: 'retry', cause: 'ses-unavailable', pace: 'outage', answerLost: false },
  detail: 'ServiceUnavailable',
};

function at(turn: Turn): number {
  if (turn.kind !== 'turn') throw new Error(`no turn: ${turn.cause}`);
  return turn.at.getTime();
}

describe('functions that send at the same time', () => {
  it('keep together to the quota of the account, without a throttled call', async () => {
    bench.ses.account.maxSendRate = 14;
    const records = Array.from({ length: 48 }, () => aRecordOf(anEnvelope({ id: `rate-${Math.random()}` })));
    const functions = [0, 12, 24, 36].map((from) =>
      bench.resend(records.slice(from, from + 12), { turns: bench.turns() }),
    );

    const responses = await Promise.all(functions);

    expect(responses.flatMap(({ batchItemFailures }) => batchItemFailures)).toEqual([]);
    expect(bench.sends).toHaveLength(48);
    expect(bench.ses.mails).toHaveLength(48);
  });

  it('ask for the quota once, and all use it', async () => {
    bench.ses.account.maxSendRate = 200;
    const functions = [bench.turns(), bench.turns(), bench.turns(), bench.turns()];
    await functions[0]?.untilOpen({ ...aCall(), isHeld: false });

    await Promise.all(functions.map((turns) => turns.take(aCall())));

    const asked = bench.ses.calls.filter(({ operation }) => operation === 'GetSendQuota');
    expect(asked).toHaveLength(1);
    expect(await functions[3]?.maxRecipients(reports)).toBe(50);
  });

  it('send at the lowest rate while SES does not say its quota', async () => {
    const turns = bench.turns({
      limits: { quota: () => Promise.reject(new Error('no')), statistics: async () => [] },
    });

    const [first, second] = await Promise.all([turns.take(aCall()), turns.take(aCall())]);

    expect(at(second) - at(first)).toBeGreaterThanOrEqual(1_000);
  });

  it('fail all calls that wait if the store does not respond, so that their mail is retried', async () => {
    bench.dynamoDb.fault({ on: { action: 'GetItem' }, fault: { kind: 'denied' } });
    const turns = bench.turns();

    const results = await Promise.allSettled([turns.take(aCall()), turns.take(aCall())]);

    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    bench.dynamoDb.heal();
    expect((await turns.take(aCall())).kind).toBe('turn');
  });

  it('give up at the deadline, and say why', async () => {
    const turns = immediateTurns({
      store: new MemorySendingState(),
      limits: {
        quota: async () => ({ perSecond: 14, perDay: 200, usedToday: 195 }),
        statistics: async () => [],
      },
    });

    const turn = await turns.take(aCall({ deadline: new Date(Date.now() + 20) }));

    expect(turn).toEqual({ kind: 'none', cause: 'daily-quota' });
    expect((await turns.take(aCall({ isUrgent: true }))).kind).toBe('turn');
  });
});

describe('an outage of SES', () => {
  async function failThreeTimes(turns: SendTurns): Promise<void> {
    for (let failed = 0; failed < 3; failed += 1) await turns.report(unavailable, reports);
  }

  it('is known to all functions: one probes, the others wait until it succeeds', async () => {
    const store = new MemorySendingState();
    const [prober, ...others] = [1, 2, 3, 4].map(() => immediateTurns({ store }));
    if (prober === undefined) throw new Error('no function');
    await failThreeTimes(prober);
    const probe = await prober.take(aCall());
    const waiting = others.map((turns) => turns.take(aCall()));
    let passed = 0;
    for (const turn of waiting) void turn.then(() => (passed += 1));

    // As long as the first of them would have needed to pass an open gate.
    await immediateTurns().take(aCall());
    expect(probe.kind).toBe('turn');
    expect(passed).toBe(0);
    await prober.report(sent, reports);

    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(['turn', 'turn', 'turn']);
  });

  it('costs one call in a while, and after it all mail that waits is sent at once', async () => {
    const down = bench.ses.fault({
      effect: { kind: 'server-error', status: 503 },
      times: Number.POSITIVE_INFINITY,
    });
    await bench.resend([1, 2, 3].map(() => aRecordOf(anEnvelope({ id: `down-${Math.random()}` }))));
    const before = bench.sends.length;
    const waiting = Array.from({ length: 10 }, (_, index) => aRecordOf(anEnvelope({ id: `waits-${index}` })));

    const resending = bench.resend(waiting);
    await bench.ses.waitForCall(
      ({ operation }) => operation === 'SendRawEmail' && bench.sends.length > before,
    );
    expect(bench.ses.mails).toEqual([]);
    down.remove();
    const { batchItemFailures } = await resending;

    // All but the probe, which failed.
    expect(batchItemFailures.length).toBeLessThanOrEqual(2);
    expect(bench.ses.mails.length).toBeGreaterThanOrEqual(8);
    expect(bench.logged.filter((line) => line.includes('"ses-outage"'))).toHaveLength(1);
    expect(bench.logged.filter((line) => line.includes('"ses-outage-over"'))).toHaveLength(1);
  });
});

describe('the reputation fuse', () => {
  it('holds mail to unknown addresses once bounces are many, and sends what is urgent', async () => {
    bench.ses.account.maxSendRate = 10_000;
    bench.ses.status((_mail, recipient) =>
      recipient.startsWith('gone') ? { kind: 'hard-bounce' } : undefined,
    );
    const to = (name: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${name}-${index}@example.org`);
    const mailTo = (id: string, addresses: string[], more = {}) =>
      aRecordOf(anEnvelope({ id, envelope: { from: 'support@keybuzz.io', to: addresses }, ...more }));
    await bench.resend([mailTo('storm', [...to('good', 180), ...to('gone', 20)])]);
    await bench.ses.eventsSettled();
    await bench.forgetSendingState();
    await bench.delivered.record(['known@example.org'], new Date());
    const sentBefore = bench.ses.mails.length;

    await bench.resend(
      [
        mailTo('held', ['known@example.org', 'new@example.org']),
        mailTo('code', ['other@example.org'], { priority: 'urgent' }),
      ],
      { turns: bench.turns() },
    );

    expect(
      bench.ses.mails
        .slice(sentBefore)
        .flatMap(({ recipients }) => recipients)
        .sort(),
    ).toEqual(['known@example.org', 'other@example.org']);
    const held = await takeAll(bench.aws, bench.held);
    expect(held.map(({ Body = '' }) => JSON.parse(Body).envelope.to)).toEqual([['new@example.org']]);
    expect(bench.metrics.sums).toMatchObject({ FuseHeld: 1 });
  });
});
