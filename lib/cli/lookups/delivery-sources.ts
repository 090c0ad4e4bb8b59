import { DynamoLedger, DynamoStatusLedger } from '../../adapters/dynamodb/dynamo-ledger.ts';
import { PostgresDeliveryRows } from '../../adapters/postgres/delivery-rows.ts';
import { DlqClient } from '../../adapters/sqs/dlq-client.ts';
import type { SoftBouncePolicy } from '../../domain/suppression.ts';
import type { BatchStatuses } from '../../ports/ledger.ts';
import { systemClock } from '../../ports/runtime.ts';
import type { CommandContext } from '../context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { OperatorError } from '../errors.ts';
import { scanDeadLetters } from './dead-letters.ts';
import type { DeliverySources, FoundDeadLetters } from './delivery-facts.ts';
import { lookUp, openSuppressionLists } from './suppression-lists.ts';

/** Per DynamoDB call, including SDK retries. */
const CALL_TIMEOUT_MS = 20_000;

/** Unused: these commands write nothing to the ledger. */
const RETENTION_DAYS = 1;

/** SQS cannot look up a message by ID, so the DLQ is scanned. `mailctl dlq show` scans beyond this limit. */
const MAX_SCANNED_DEAD_LETTERS = 2000;

export interface OpenSources {
  readonly sources: DeliverySources;
  close(): Promise<void>;
}

/** Opens all sources of a deployment that hold state of deliveries. */
export function openDeliverySources(context: CommandContext, policy: SoftBouncePolicy): OpenSources {
  const aws = awsSources(context, policy);
  // Each query below reports the failure; this only prevents an unhandled rejection.
  aws.catch(() => {});
  const rows = openRows(context.env);
  return {
    sources: {
      row: 'skipped' in rows ? rows : (id) => findRow(rows, id),
      queue: async () => (await aws).queue(),
      deadLetters: async (id) => (await aws).deadLetters(id),
      parts: async (id) => (await aws).parts(id),
      suppressed: async (addresses) => (await aws).suppressed(addresses),
    },
    close: async () => {
      if (!('skipped' in rows)) await rows.close();
    },
  };
}

async function awsSources(
  { aws, deployment, terminal, signal }: CommandContext,
  policy: SoftBouncePolicy,
): Promise<Omit<DeliverySources, 'row'>> {
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const [sqs, dynamoDb, lists] = await Promise.all([
    aws.sqs(),
    aws.dynamoDb(),
    openSuppressionLists(aws, outputs, policy),
  ]);
  const table = {
    tableName: outputs.LedgerTableName,
    timeoutMs: CALL_TIMEOUT_MS,
    retentionDays: RETENTION_DAYS,
  };
  const ledger = new DynamoLedger(dynamoDb, table, systemClock);
  const statuses = new DynamoStatusLedger(dynamoDb, table, systemClock);
  const deadLetters = new DlqClient(sqs, outputs.DeadLetterQueueUrl);
  return {
    queue: () => new DlqClient(sqs, outputs.FallbackQueueUrl).counts(),
    deadLetters: async (id): Promise<FoundDeadLetters> => {
      const found: FoundDeadLetters['deadLetters'][number][] = [];
      let looked = 0;
      const progress = (total: number) => terminal.progress('looking at dead letters', total);
      const { complete } = await scanDeadLetters({ box: deadLetters, signal, progress }, (deadLetter) => {
        looked += 1;
        if (deadLetter.deliveryId === id) found.push(deadLetter);
        return looked < MAX_SCANNED_DEAD_LETTERS;
      });
      return { deadLetters: found, looked, complete };
    },
    parts: async (id): Promise<BatchStatuses[]> => {
      const found: BatchStatuses[] = [];
      for (const { part } of await ledger.partsOf(id)) {
        signal.throwIfAborted();
        const read = await statuses.read(id, part);
        if (read !== undefined) found.push(read);
      }
      return found;
    },
    suppressed: (addresses) => lookUp(lists, addresses, new Date(), signal),
  };
}

/** Reads the same variables as libpq's tools; skips the database if none of them names it. */
function openRows({
  DATABASE_URL: url,
  PGHOST: host,
}: CommandContext['env']): PostgresDeliveryRows | { readonly skipped: string } {
  if (url === undefined && host === undefined) {
    return { skipped: 'neither DATABASE_URL nor PGHOST names the database of the API' };
  }
  return new PostgresDeliveryRows(url === undefined ? {} : { connectionString: url });
}

async function findRow(rows: PostgresDeliveryRows, id: string) {
  try {
    return await rows.find(id);
  } catch (error) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'ROW';
    const message =
      typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'no answer';
    throw new OperatorError(code, message, 'check DATABASE_URL, or PGHOST and its kin', { cause: error });
  }
}
