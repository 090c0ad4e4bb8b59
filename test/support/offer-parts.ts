import { randomUUID } from 'node:crypto';
import type { OutgoingMail } from '../../lambda/resend/send-batch.ts';
import type { SendDeps } from '../../lambda/resend/send-to-recipients.ts';
import { HOUR_MS } from '../../lib/common/time.ts';
import { noMetrics, silentLog } from '../../lib/ports/runtime.ts';
import { anEnvelope, mimeFrom } from './an-envelope.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { immediateTurns } from './memory-sending-state.ts';

/** The dependencies of a send besides SES: no suppressed recipients, no measured events, no backlog. */
export function offerParts(overrides: Pick<SendDeps, 'ses'> & Partial<SendDeps>): SendDeps {
  return {
    ledger: new MemoryLedger(),
    suppressions: { find: async () => new Map() },
    exemptTenants: [],
    turns: immediateTurns(),
    delivered: { find: async () => new Set() },
    deadline: new Date(Date.now() + HOUR_MS),
    latencies: { recent: async () => ({ counts: [] }) },
    backlog: { anyWaiting: async () => false },
    eventWait: { leastMs: 60_000, defaultMs: 900_000, mostMs: HOUR_MS },
    clock: { now: () => new Date() },
    log: silentLog,
    metrics: noMetrics,
    newToken: randomUUID,
    hasTime: () => true,
    ...overrides,
  };
}

export function anOffer(recipients: readonly string[], overrides: Partial<OutgoingMail> = {}): OutgoingMail {
  return {
    message: anEnvelope(),
    mime: mimeFrom('support@keybuzz.io'),
    contentSha256: 'a'.repeat(64),
    from: 'support@keybuzz.io',
    recipients,
    ...overrides,
  };
}
