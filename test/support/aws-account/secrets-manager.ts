import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount, StoredSecret } from './aws-account.ts';

const describeInput = v.object({ SecretId: v.string() });
const valueInput = v.object({
  ...describeInput.entries,
  VersionId: v.optional(v.string()),
  VersionStage: v.optional(v.string(), 'AWSCURRENT'),
});

const putInput = v.object({
  ...describeInput.entries,
  SecretString: v.string(),
  ClientRequestToken: v.optional(v.string()),
});

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html */
export const SECRETS_MANAGER: Readonly<Record<string, Operation>> = {
  GetSecretValue: operation(valueInput, 'ValidationException', getSecretValue),
  DescribeSecret: operation(describeInput, 'ValidationException', describeSecret),
  PutSecretValue: operation(putInput, 'ValidationException', putSecretValue),
};

function getSecretValue(account: AwsAccount, input: v.InferOutput<typeof valueInput>): OperationResult {
  const secret = find(account, input.SecretId);
  if (secret === undefined) return unknown("Secrets Manager can't find the specified secret.");
  if (secret.deletedAt !== undefined) {
    const message = "You can't perform this operation on the secret because it was marked for deletion.";
    return refused('InvalidRequestException', message);
  }
  const { value } = secret;
  const { VersionStage: stage, VersionId: version } = input;
  if (value === undefined || stage !== 'AWSCURRENT') {
    return unknown(`Secrets Manager can't find the specified secret value for staging label: ${stage}`);
  }
  if (version !== undefined && version !== versionOf(value)) {
    return unknown(`Secrets Manager can't find the specified secret value for VersionId: ${version}`);
  }
  return done({
    ARN: secret.arn,
    Name: secret.name,
    VersionId: versionOf(value),
    SecretString: value,
    VersionStages: ['AWSCURRENT'],
    CreatedDate: secret.createdAt,
  });
}

function putSecretValue(
  account: AwsAccount,
  { SecretId: id, SecretString }: v.InferOutput<typeof putInput>,
): OperationResult {
  const secret = find(account, id);
  if (secret === undefined) return unknown("Secrets Manager can't find the specified secret.");
  secret.value = SecretString;
  return done({
    ARN: secret.arn,
    Name: secret.name,
    VersionId: versionOf(SecretString),
    VersionStages: ['AWSCURRENT'],
  });
}

function describeSecret(
  account: AwsAccount,
  { SecretId: id }: v.InferOutput<typeof describeInput>,
): OperationResult {
  const secret = find(account, id);
  if (secret === undefined) return unknown("Secrets Manager can't find the specified secret.");
  const { arn, name, value, createdAt, deletedAt } = secret;
  return done({
    ARN: arn,
    Name: name,
    CreatedDate: createdAt,
    LastChangedDate: createdAt,
    DeletedDate: deletedAt,
    VersionIdsToStages: value === undefined ? undefined : { [versionOf(value)]: ['AWSCURRENT'] },
  });
}

/** By its name, its ARN, or its ARN without the six random characters that AWS puts at the end. */
function find({ secrets }: AwsAccount, id: string): StoredSecret | undefined {
  return [...secrets.values()].find(
    ({ name, arn }) => id === name || id === arn || id === arn.replace(/-[^-]{6}$/, ''),
  );
}

/** The version changes with the value. */
function versionOf(value: string): string {
  const hex = createHash('sha256').update(value).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function unknown(message: string): OperationResult {
  return refused('ResourceNotFoundException', message);
}
