/** Stands in for `@aws-sdk/client-dynamodb` in the Lambdas, with the operations that they use. */
import type {
  BatchGetItemInput,
  BatchGetItemOutput,
  DescribeTableInput,
  DescribeTableOutput,
  GetItemInput,
  GetItemOutput,
  PutItemInput,
  PutItemOutput,
  QueryInput,
  QueryOutput,
  ScanInput,
  ScanOutput,
  UpdateItemInput,
  UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';
import { jsonCommand, readJsonError } from './json-command.ts';
import { type ClientConfig, ServiceClient } from './service-client.ts';

export class DynamoDBClient extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    const names = { id: 'DYNAMODB', signingName: 'dynamodb', hostPrefix: 'dynamodb' };
    super({ ...names, readError: readJsonError }, config);
  }
}

const SERVICE = 'DynamoDB_20120810';

export const GetItemCommand = jsonCommand<GetItemInput, GetItemOutput>(`${SERVICE}.GetItem`);

export const PutItemCommand = jsonCommand<PutItemInput, PutItemOutput>(`${SERVICE}.PutItem`);

export const UpdateItemCommand = jsonCommand<UpdateItemInput, UpdateItemOutput>(`${SERVICE}.UpdateItem`);

export const QueryCommand = jsonCommand<QueryInput, QueryOutput>(`${SERVICE}.Query`);

export const BatchGetItemCommand = jsonCommand<BatchGetItemInput, BatchGetItemOutput>(
  `${SERVICE}.BatchGetItem`,
);

export const ScanCommand = jsonCommand<ScanInput, ScanOutput>(`${SERVICE}.Scan`);

export const DescribeTableCommand = jsonCommand<DescribeTableInput, DescribeTableOutput>(
  `${SERVICE}.DescribeTable`,
);
