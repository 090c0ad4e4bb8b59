import { DynamoSuppressionEntries } from '../../adapters/dynamodb/dynamo-suppression-entries.ts';
import { DynamoSuppressionList } from '../../adapters/dynamodb/dynamo-suppression-list.ts';
import { SesAccountSuppressions } from '../../adapters/ses/ses-account-suppressions.ts';
import type { SoftBouncePolicy } from '../../message/suppression.ts';
import type { AwsClients } from '../aws-clients.ts';
import type { PipelineOutputs } from '../deployment.ts';
import type { SuppressionLists } from './suppression-lists.ts';

/** One call of DynamoDB, the tries of the SDK included. */
const CALL_TIMEOUT_MS = 20_000;

/** The lists of a deployment. */
export async function openSuppressionLists(
  aws: AwsClients,
  { SuppressionTableName: tableName }: Pick<PipelineOutputs, 'SuppressionTableName'>,
  policy: SoftBouncePolicy,
): Promise<SuppressionLists> {
  const dynamoDb = await aws.dynamoDb();
  const options = { tableName, timeoutMs: CALL_TIMEOUT_MS, policy };
  return {
    pipeline: new DynamoSuppressionList(dynamoDb, options),
    entries: new DynamoSuppressionEntries(dynamoDb, options),
    account: new SesAccountSuppressions(await aws.ses()),
  };
}
