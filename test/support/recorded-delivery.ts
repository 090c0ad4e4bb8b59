import { DynamoLedger, DynamoStatusLedger } from '../../lib/adapters/dynamodb/dynamo-ledger.ts';
import { DynamoSuppressionReports } from '../../lib/adapters/dynamodb/dynamo-suppression.ts';
import { DEFAULT_SOFT_BOUNCES } from '../../lib/cli/lookups/suppression-lists.ts';
import type { LocalDynamoDb } from '../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import type { OutboxDatabase } from './outbox-database.ts';

/** Of the hour in which the recorded delivery happened. */
export const aMinute = (n: number) => new Date(Date.UTC(2026, 10, 22, 10, n));

const FAILURE = {
  class: 'rejected',
  response: '550 5.7.1 <marie@example.org>: relay denied',
  phase: 'envelope',
};

interface Records {
  readonly database: OutboxDatabase;
  readonly dynamoDb: LocalDynamoDb;
}

/** Records a mail to two: handed over, sent by SES, delivered to one and bounced for the other. */
export async function recordDelivery({ database, dynamoDb }: Records, id: string): Promise<void> {
  const [marie, paul] = ['marie@example.org', 'paul@example.org'];
  const attempt = {
    at: aMinute(1).toISOString(),
    outcome: 'handed-over',
    durationMs: 12,
    worker: 'worker-1',
    messageId: '<one@keybuzz.io>',
    failure: { ...FAILURE, at: aMinute(1).toISOString() },
    queue: { recipients: [marie, paul], queueMessageId: 'queue-1' },
  };
  const delivered = { kind: 'delivered', at: aMinute(3).toISOString(), sesMessageId: 'ses-1' } as const;
  await database.insert({
    id,
    status: 'failed',
    provider: 'ses',
    created_at: aMinute(0),
    last_error: 'bounced (Permanent/General) for 1 of 2 recipients',
    delivery_trace: { attempts: [attempt], recipients: { [marie]: delivered } },
  });
  const table = { tableName: dynamoDb.ledgerTable, timeoutMs: 5_000, retentionDays: 90 };
  const ledger = new DynamoLedger(dynamoDb.client, table, systemClock);
  const claim = { token: 'token-1', startedAt: aMinute(2), endsAt: aMinute(3) };
  const part = { deliveryId: id, part: 0 };
  await ledger.open({ ...part, contentSha256: 'a'.repeat(64), recipients: [marie, paul], claim });
  const sent = { sesMessageId: 'ses-1', sentAt: new Date(Date.UTC(2026, 10, 22, 10, 2, 1)) };
  await ledger.settle({ ...part, token: claim.token }, { kind: 'sent', ...sent });
  const bounced = {
    kind: 'bounced',
    at: aMinute(4).toISOString(),
    sesMessageId: 'ses-1',
    bounce: { type: 'Permanent', subType: 'General' },
    smtpResponse: '550 5.1.1 <paul@example.org>: no such user',
  } as const;
  const statuses = { [marie]: delivered, [paul]: bounced };
  await new DynamoStatusLedger(dynamoDb.client, table, systemClock).write(
    { ...part, ...sent, recipients: [marie, paul], statuses: statuses },
    0,
  );
  const options = { tableName: dynamoDb.suppressionTable, timeoutMs: 5_000, policy: DEFAULT_SOFT_BOUNCES };
  const signal = { kind: 'hard-bounce', at: aMinute(4), deliveryId: id, sesMessageId: 'ses-1' } as const;
  await new DynamoSuppressionReports(dynamoDb.client, options).report(paul, signal);
}
