import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

/** The SDK may repeat a call here: each write either says the same twice, or knows itself again. */
const OPTIONS = { maxAttempts: 3, retryMode: 'standard', requestHandler: { connectionTimeout: 2_000 } };

/** @param config where DynamoDB is; by default as the surroundings say */
export function dynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...config, ...OPTIONS });
}
