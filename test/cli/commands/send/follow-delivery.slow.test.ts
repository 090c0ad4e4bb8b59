import { describe, expect, it } from '@jest/globals';
import { followDelivery, type StatusSources } from '../../../../lib/cli/commands/send/follow-delivery.ts';
import type { SendStep } from '../../../../lib/cli/commands/send/send-directly.ts';
import type { DeadLetter } from '../../../../lib/cli/lookups/dead-letters.ts';
import type { BatchStatuses } from '../../../../lib/ports/ledger.ts';

const AT = '2026-11-22T10:00:00.000Z';

const part = (state: BatchStatuses['state'], statuses: BatchStatuses['statuses'] = {}): BatchStatuses => ({
  deliveryId: 'one',
  part: 0,
  recipients: ['marie@example.org'],
  state,
  claim: { token: 'token', startedAt: new Date(AT), endsAt: new Date(AT) },
  ...(state === 'sent' ? { sesMessageId: 'ses-1' } : {}),
  statuses,
  fatesVersion: 0,
});

const deadLetter = (queueMessageId: string) =>
  ({ queueMessageId, cause: 'sender-not-allowed', detail: 'of another domain' }) as DeadLetter;

interface Course {
  /** The ledger's content at each look; the last one stays. */
  readonly ledger: readonly (readonly BatchStatuses[])[];
  readonly deadLetters?: readonly DeadLetter[];
  readonly knownLetters?: ReadonlySet<string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

async function follow({ ledger, deadLetters = [], timeoutMs = 60_000, signal, knownLetters }: Course) {
  const looks = [...ledger];
  const steps: SendStep[] = [];
  const sources: StatusSources = {
    parts: async () => (looks.length > 1 ? looks.shift() : looks[0]) ?? [],
    deadLetters: async () => ({ deadLetters }),
  };
  const ending = await followDelivery('one', sources, {
    timeoutMs,
    signal: signal ?? new AbortController().signal,
    onStep: (step) => steps.push(step),
    startedAt: performance.now(),
    ...(knownLetters === undefined ? {} : { knownLetters }),
  });
  return { ending, reported: steps.map(({ what }) => what) };
}

describe('following a delivery', () => {
  it('reports each step once, in order', async () => {
    const delivered = { 'marie@example.org': { kind: 'delivered', at: AT } } as const;
    const { ending, reported } = await follow({
      ledger: [[], [part('sending')], [part('unknown')], [part('sent')], [part('sent', delivered)]],
    });
    expect(ending.verdict).toBe('delivered');
    expect(reported).toEqual([
      'the resend Lambda offered it to SES',
      'SES gave no answer; the Lambda waits for its event',
      'SES took it as ses-1',
      'delivered',
    ]);
  });

  it.each([
    ['a complaint comes after the delivery', 'complained', 'delivered'],
    ['it bounces', 'bounced', 'failed'],
    ['SES rejects it', 'failed', 'failed'],
  ] as const)('ends when %s', async (_what, kind, verdict) => {
    const { ending } = await follow({
      ledger: [
        [part('sent', { 'marie@example.org': { kind, at: AT, smtpResponse: 'to marie@example.org' } })],
      ],
    });
    expect(ending.verdict).toBe(verdict);
    expect(ending.detail).toContain('m***@example.org');
  });

  it('continues during a delay', async () => {
    const delayed = { 'marie@example.org': { kind: 'delivery_delayed', at: AT } } as const;
    const { ending, reported } = await follow({ ledger: [[part('sent', delayed)]], timeoutMs: 1 });
    expect(ending).toMatchObject({ verdict: 'open', detail: expect.stringContaining('delivery delayed') });
    expect(reported).toContain('delivery delayed');
  });

  it('ends if SES would never accept it', async () => {
    const { ending } = await follow({ ledger: [[part('refused')]] });
    expect(ending).toMatchObject({ verdict: 'failed', fix: 'mailctl dlq show one' });
  });

  it('finds the dead letter, at the timeout at the latest', async () => {
    const { ending } = await follow({ ledger: [[]], deadLetters: [deadLetter('new')], timeoutMs: 1 });
    expect(ending).toMatchObject({
      verdict: 'failed',
      detail: expect.stringContaining('sender-not-allowed'),
    });
  });

  it('ignores dead letters of an earlier attempt', async () => {
    const knownLetters = new Set(['old']);
    const { ending } = await follow({
      ledger: [[]],
      deadLetters: [deadLetter('old')],
      knownLetters,
      timeoutMs: 1,
    });
    expect(ending).toMatchObject({ verdict: 'open', detail: expect.stringContaining('not touched') });
  });

  it('stops at once, even if nothing responds', async () => {
    const stop = new AbortController();
    const sources: StatusSources = {
      parts: () => {
        stop.abort(new Error('interrupted'));
        return new Promise(() => {});
      },
      deadLetters: async () => ({ deadLetters: [] }),
    };
    const following = followDelivery('one', sources, {
      timeoutMs: 60_000,
      signal: stop.signal,
      onStep: () => {},
      startedAt: performance.now(),
    });
    await expect(following).rejects.toThrow('interrupted');
  });
});
