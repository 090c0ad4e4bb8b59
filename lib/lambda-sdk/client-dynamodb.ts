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
import { JsonCommand, readJsonError } from './json-command.ts';
import { type ClientConfig, ServiceClient } from './service-client.ts';

export class DynamoDBClient extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    const names = { id: 'DYNAMODB', signingName: 'dynamodb', hostPrefix: 'dynamodb' };
    super({ ...names, readError: readJsonError }, config);
  }
}

abstract class DynamoCommand<Input, Output> extends JsonCommand<Input, Output> {
  protected override readonly target = 'DynamoDB_20120810';
}

export class GetItemCommand extends DynamoCommand<GetItemInput, GetItemOutput> {
  protected override readonly operation = 'GetItem';
}

export class PutItemCommand extends DynamoCommand<PutItemInput, PutItemOutput> {
  protected override readonly operation = 'PutItem';
}

export class UpdateItemCommand extends DynamoCommand<UpdateItemInput, UpdateItemOutput> {
  protected override readonly operation = 'UpdateItem';
}

export class QueryCommand extends DynamoCommand<QueryInput, QueryOutput> {
  protected override readonly operation = 'Query';
}

export class BatchGetItemCommand extends DynamoCommand<BatchGetItemInput, BatchGetItemOutput> {
  protected override readonly operation = 'BatchGetItem';
}

export class ScanCommand extends DynamoCommand<ScanInput, ScanOutput> {
  protected override readonly operation = 'Scan';
}

export class DescribeTableCommand extends DynamoCommand<DescribeTableInput, DescribeTableOutput> {
  protected override readonly operation = 'DescribeTable';
}
