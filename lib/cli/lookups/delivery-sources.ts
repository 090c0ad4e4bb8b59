import { DynamoLedger, DynamoStatusLedger } from '../../adapters/dynamodb/dynamo-ledger.ts';
import { PostgresDeliveryRows } from '../../adapters/postgres/delivery-rows.ts';
import { DlqClient } from '../../adapters/sqs/dlq-client.ts';
import type { SoftBouncePolicy } from '../../domain/suppression.ts';
import type { BatchStatuses } from '../../ports/ledger.ts';
import { systemClock } from '../../ports/runtime.ts';
import type { CommandContext } from '../context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { silentProgress, type Terminal } from '../terminal.ts';
import { askDatabase, databaseMissing, openDatabase } from './database.ts';
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

type SourcesContext = Pick<CommandContext, 'aws' | 'deployment' | 'signal' | 'env'> & {
  /** Without one, no progress is shown. */
  readonly terminal?: Pick<Terminal, 'progress'>;
};

/** Opens all sources of a deployment that hold state of deliveries. */
export function openDeliverySources(context: SourcesContext, policy: SoftBouncePolicy): OpenSources {
  const aws = awsSources(context, policy);
  // Each query below reports the failure; this only prevents an unhandled rejection.
  aws.catch(() => {});
  const { row, close } = openRows(context.env);
  return {
    sources: {
      row,
      queue: async () => (await aws).queue(),
      deadLetters: async (id) => (await aws).deadLetters(id),
      parts: async (id) => (await aws).parts(id),
      suppressed: async (addresses) => (await aws).suppressed(addresses),
    },
    close,
  };
}

async function awsSources(
  { aws, deployment, terminal, signal }: SourcesContext,
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
    queue: async () => {
      const urls = [outputs.FallbackQueueUrl, outputs.UrgentQueueUrl];
      const [normal, urgent] = await Promise.all(urls.map((url) => new DlqClient(sqs, url).counts()));
      return {
        waiting: (normal?.waiting ?? 0) + (urgent?.waiting ?? 0),
        inFlight: (normal?.inFlight ?? 0) + (urgent?.inFlight ?? 0),
      };
    },
    deadLetters: async (id): Promise<FoundDeadLetters> => {
      const found: FoundDeadLetters['deadLetters'][number][] = [];
      let looked = 0;
      const progress = (total: number) =>
        terminal?.progress('looking at dead letters', total) ?? silentProgress;
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

interface OpenRows {
  readonly row: DeliverySources['row'];
  close(): Promise<void>;
}

/** Skips the database if no variable names it. */
function openRows(env: CommandContext['env']): OpenRows {
  const skipped = databaseMissing(env);
  if (skipped !== undefined) return { row: { skipped }, close: async () => {} };
  try {
    const rows = openDatabase(env, (settings) => new PostgresDeliveryRows(settings));
    return { row: (id) => askDatabase(() => rows.find(id)), close: () => rows.close() };
  } catch (error) {
    // The other sources are read even if the settings of this one cannot work.
    return { row: () => Promise.reject(error), close: async () => {} };
  }
}
