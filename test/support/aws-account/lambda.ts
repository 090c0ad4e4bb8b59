import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount, DeployedFunction, SourceMapping } from './aws-account.ts';
import { pageOf } from './page-of.ts';

const PAGE_SIZE = 100;

const configurationInput = v.object({ FunctionName: v.string() });
const listInput = v.object({
  FunctionName: v.optional(v.string()),
  EventSourceArn: v.optional(v.string()),
  Marker: v.optional(v.string()),
  MaxItems: v.optional(
    v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1), v.maxValue(10_000)),
  ),
});

/** https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html */
export const LAMBDA: Readonly<Record<string, Operation>> = {
  GetFunctionConfiguration: operation(
    configurationInput,
    'InvalidParameterValueException',
    getFunctionConfiguration,
  ),
  ListEventSourceMappings: operation(listInput, 'InvalidParameterValueException', listEventSourceMappings),
};

/** The call of a method and a path, with the parameters in the path. */
export function readLambdaPath(
  method: string,
  path: string,
): { readonly action: string; readonly input: Readonly<Record<string, string>> } | undefined {
  if (method !== 'GET') return undefined;
  if (/^\/2015-03-31\/event-source-mappings\/?$/.test(path)) {
    return { action: 'ListEventSourceMappings', input: {} };
  }
  const name = /^\/2015-03-31\/functions\/([^/]+)\/configuration$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  return { action: 'GetFunctionConfiguration', input: { FunctionName: decodeURIComponent(name) } };
}

function getFunctionConfiguration(
  account: AwsAccount,
  { FunctionName }: v.InferOutput<typeof configurationInput>,
): OperationResult {
  const found = find(account, FunctionName);
  if (found === undefined) return unknownFunction(FunctionName, account);
  const { name, state, lastUpdateStatus, timeoutSeconds, environment, modifiedAt } = found;
  return done({
    FunctionName: name,
    FunctionArn: arnOf(name, account),
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Timeout: timeoutSeconds,
    // Only Lambda writes a time as text here.
    LastModified: modifiedAt.toISOString().replace('Z', '+0000'),
    Environment: { Variables: environment },
    State: state ?? 'Active',
    LastUpdateStatus: lastUpdateStatus ?? 'Successful',
    PackageType: 'Zip',
    Architectures: ['arm64'],
    Version: '$LATEST',
  });
}

function listEventSourceMappings(
  account: AwsAccount,
  input: v.InferOutput<typeof listInput>,
): OperationResult {
  const { FunctionName: name, EventSourceArn: sourceArn } = input;
  const owner = name === undefined ? undefined : find(account, name);
  // The error is documented for the operation; that an unknown function causes it is assumed.
  if (name !== undefined && owner === undefined) return unknownFunction(name, account);
  const mappings = [...account.sourceMappings.values()].filter(
    (mapping) =>
      (owner === undefined || mapping.functionName === owner.name) &&
      (sourceArn === undefined || mapping.sourceArn === sourceArn),
  );
  const page = pageOf(mappings, input.Marker, account.pageSize ?? input.MaxItems ?? PAGE_SIZE);
  if (page === undefined) return refused('InvalidParameterValueException', 'Invalid Marker');
  return done({
    EventSourceMappings: page.items.map((mapping) => described(mapping, account)),
    NextMarker: page.next,
  });
}

function described(mapping: SourceMapping, account: AwsAccount) {
  const { id, functionName, sourceArn, state, batchSize, maximumConcurrency, modifiedAt } = mapping;
  return {
    UUID: id,
    EventSourceArn: sourceArn,
    FunctionArn: arnOf(functionName, account),
    State: state,
    StateTransitionReason: 'USER_INITIATED',
    BatchSize: batchSize,
    FunctionResponseTypes: ['ReportBatchItemFailures'],
    ScalingConfig: maximumConcurrency === undefined ? undefined : { MaximumConcurrency: maximumConcurrency },
    LastModified: modifiedAt,
  };
}

/** By its name, its ARN, or the part of the ARN from the account id on. */
function find(account: AwsAccount, nameOrArn: string): DeployedFunction | undefined {
  return [...account.functions.values()].find(({ name }) =>
    [name, arnOf(name, account), `${account.id}:function:${name}`].includes(nameOrArn),
  );
}

function arnOf(name: string, { id, region }: AwsAccount): string {
  return `arn:aws:lambda:${region}:${id}:function:${name}`;
}

function unknownFunction(nameOrArn: string, account: AwsAccount): OperationResult {
  const arn = nameOrArn.startsWith('arn:') ? nameOrArn : arnOf(nameOrArn, account);
  return refused('ResourceNotFoundException', `Function not found: ${arn}`, 404);
}
