import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount, IamUser } from './aws-account.ts';
import { pageOf } from './page-of.ts';

const PAGE_SIZE = 100;

const ofUser = v.object({ UserName: v.optional(v.string()) });
const ofKey = v.object({ ...ofUser.entries, AccessKeyId: v.string() });
const listInput = v.object({
  ...ofUser.entries,
  Marker: v.optional(v.string()),
  MaxItems: v.optional(v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1), v.maxValue(1000))),
});

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html */
export const IAM: Readonly<Record<string, Operation>> = {
  GetUser: operation(ofUser, 'ValidationError', getUser),
  ListAccessKeys: operation(listInput, 'ValidationError', listAccessKeys),
  CreateAccessKey: operation(ofUser, 'ValidationError', createAccessKey),
  UpdateAccessKey: operation(
    v.object({ ...ofKey.entries, Status: v.picklist(['Active', 'Inactive']) }),
    'ValidationError',
    updateAccessKey,
  ),
  DeleteAccessKey: operation(ofKey, 'ValidationError', deleteAccessKey),
  GetAccessKeyLastUsed: operation(v.object({ AccessKeyId: v.string() }), 'ValidationError', getLastUsed),
};

function getUser(account: AwsAccount, { UserName }: v.InferOutput<typeof ofUser>): OperationResult {
  const user = find(account, UserName);
  if (user.kind === 'refused') return user;
  const { name, createdAt } = user.user;
  return done({
    User: {
      Path: '/',
      UserName: name,
      UserId: `AIDA${name.replaceAll(/[^a-zA-Z0-9]/g, '').toUpperCase()}`,
      Arn: `arn:aws:iam::${account.id}:user/${name}`,
      CreateDate: createdAt,
    },
  });
}

function listAccessKeys(account: AwsAccount, input: v.InferOutput<typeof listInput>): OperationResult {
  const user = find(account, input.UserName);
  if (user.kind === 'refused') return user;
  const { name, accessKeys } = user.user;
  const page = pageOf(accessKeys, input.Marker, account.pageSize ?? input.MaxItems ?? PAGE_SIZE);
  if (page === undefined) return refused('ValidationError', 'Invalid Marker.');
  return done({
    AccessKeyMetadata: page.items.map(({ id, status, createdAt }) => ({
      UserName: name,
      AccessKeyId: id,
      Status: status ?? 'Active',
      CreateDate: createdAt,
    })),
    IsTruncated: page.next !== undefined,
    Marker: page.next,
  });
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
const MAX_KEYS = 2;

function createAccessKey(account: AwsAccount, { UserName }: v.InferOutput<typeof ofUser>): OperationResult {
  const found = find(account, UserName);
  if (found.kind === 'refused') return found;
  const { user } = found;
  if (user.accessKeys.length >= MAX_KEYS) {
    const message = 'Cannot exceed quota for AccessKeysPerUser: 2';
    return { kind: 'refused', error: { code: 'LimitExceeded', message, status: 409 } };
  }
  const id = `AKIA${randomBytes(8).toString('hex').toUpperCase()}`;
  const createdAt = account.now();
  user.accessKeys.push({ id, createdAt });
  return done({
    AccessKey: {
      UserName: user.name,
      AccessKeyId: id,
      Status: 'Active',
      SecretAccessKey: randomBytes(30).toString('base64'),
      CreateDate: createdAt,
    },
  });
}

function updateAccessKey(
  account: AwsAccount,
  {
    UserName,
    AccessKeyId,
    Status,
  }: { UserName?: string | undefined; AccessKeyId: string; Status: 'Active' | 'Inactive' },
): OperationResult {
  const found = find(account, UserName);
  if (found.kind === 'refused') return found;
  const key = found.user.accessKeys.find(({ id }) => id === AccessKeyId);
  if (key === undefined) return noKey(AccessKeyId);
  key.status = Status;
  return done({});
}

function deleteAccessKey(
  account: AwsAccount,
  { UserName, AccessKeyId }: v.InferOutput<typeof ofKey>,
): OperationResult {
  const found = find(account, UserName);
  if (found.kind === 'refused') return found;
  const { user } = found;
  const left = user.accessKeys.filter(({ id }) => id !== AccessKeyId);
  if (left.length === user.accessKeys.length) return noKey(AccessKeyId);
  user.accessKeys = left;
  return done({});
}

function getLastUsed(account: AwsAccount, { AccessKeyId }: { AccessKeyId: string }): OperationResult {
  const owner = [...account.users.values()].find(({ accessKeys }) =>
    accessKeys.some(({ id }) => id === AccessKeyId),
  );
  const key = owner?.accessKeys.find(({ id }) => id === AccessKeyId);
  if (owner === undefined || key === undefined) return noKey(AccessKeyId);
  const { lastUsedAt } = key;
  return done({
    UserName: owner.name,
    AccessKeyLastUsed:
      lastUsedAt === undefined
        ? { ServiceName: 'N/A', Region: 'N/A' }
        : { LastUsedDate: lastUsedAt, ServiceName: 'sqs', Region: account.region },
  });
}

function noKey(id: string): OperationResult {
  const message = `The Access Key with id ${id} cannot be found.`;
  return { kind: 'refused', error: { code: 'NoSuchEntity', message, status: 404 } };
}

type Found =
  | { readonly kind: 'found'; readonly user: IamUser }
  | Extract<OperationResult, { kind: 'refused' }>;

/** The default is the user whose key signs the call. */
function find({ users, caller }: AwsAccount, userName: string | undefined): Found {
  const name = userName ?? /^arn:aws:iam::\d+:user\/(?:.*\/)?([^/]+)$/.exec(caller.arn)?.[1];
  if (name === undefined) {
    const message = 'Must specify userName when calling with non-User credentials';
    return { kind: 'refused', error: { code: 'ValidationError', message, status: 400 } };
  }
  const user = users.get(name);
  if (user !== undefined) return { kind: 'found', user };
  const message = `The user with name ${name} cannot be found.`;
  return { kind: 'refused', error: { code: 'NoSuchEntity', message, status: 404 } };
}
