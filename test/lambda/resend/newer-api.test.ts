import { describe, expect, it } from '@jest/globals';
import { aRecord } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { useResendBench } from './resend-bench.ts';

/** A message of an API that was updated first: what this version does not know must not cost the mail. */
describe('the resend Lambda, fed by a newer API', () => {
  const bench = useResendBench();

  const failure = {
    class: 'circuit-open',
    openedBy: 'unreachable',
    phase: 'queue',
    at: '2026-01-01T00:00:00.000Z',
  };

  it.each<[string, object]>([
    ['of a new failure class', { failure: { ...failure, class: 'throttled', openedBy: undefined } }],
    ['of a new class that opened the circuit breaker', { failure: { ...failure, openedBy: 'throttled' } }],
    ['of a new phase', { failure: { ...failure, class: 'unreachable', phase: 'proxy' } }],
    ['with new fields of the failure', { failure: { ...failure, server: 'mail-core-2', attempts: 3 } }],
    ['with new fields', { campaign: 'spring', priority: 7, trace: { id: 'a' } }],
  ])('sends a mail %s', async (_what, news) => {
    await bench.resend([aRecord(JSON.stringify({ ...anEnvelope(), ...news }))]);

    expect(bench.ses.mails).toHaveLength(1);
    expect(await bench.parked()).toEqual([]);
  });

  it('sends a mail with new fields of its envelope and its content', async () => {
    const message = anEnvelope();
    const envelope = { ...message.envelope, orcpt: ['rfc822;marie@example.org'] };
    const content = { ...message.content, compressedBy: 'zlib' };
    await bench.resend([aRecord(JSON.stringify({ ...message, envelope, content }))]);

    expect(bench.ses.mails).toHaveLength(1);
    expect(await bench.parked()).toEqual([]);
  });
});
