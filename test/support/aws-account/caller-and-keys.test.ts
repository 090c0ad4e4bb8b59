import {
  GetUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  paginateListAccessKeys,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { AwsAccount } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const OLD = new Date('2025-01-01T00:00:00Z');

const withUser = () =>
  new AwsAccount({ id: '210987654321' }).add({
    users: [
      {
        name: 'api',
        createdAt: AT,
        accessKeys: [
          { id: 'AKIAOLD', status: 'Inactive', createdAt: OLD },
          { id: 'AKIANEW', createdAt: AT },
        ],
      },
    ],
  });

describe('the caller', () => {
  it('is returned by GetCallerIdentity, in each Region', async () => {
    const double = await runAccount(withUser());
    const sts = clientOf(double, STSClient, { region: 'us-east-1' });
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: '210987654321',
      Arn: 'arn:aws:sts::210987654321:assumed-role/Administrator/operator',
      UserId: 'AROAEXAMPLEADMINISTRA:operator',
    });
    double.account.caller = { arn: 'arn:aws:iam::210987654321:user/api', userId: 'AIDAAPI' };
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ UserId: 'AIDAAPI' });
  });
});

describe('a user', () => {
  it('is described, with its access keys and their age', async () => {
    const iam = clientOf(await runAccount(withUser()), IAMClient);
    const { User } = await iam.send(new GetUserCommand({ UserName: 'api' }));
    expect(User).toMatchObject({
      UserName: 'api',
      Arn: 'arn:aws:iam::210987654321:user/api',
      CreateDate: AT,
    });
    const { AccessKeyMetadata, IsTruncated } = await iam.send(new ListAccessKeysCommand({ UserName: 'api' }));
    expect(IsTruncated).toBe(false);
    expect(AccessKeyMetadata).toEqual([
      { UserName: 'api', AccessKeyId: 'AKIAOLD', Status: 'Inactive', CreateDate: OLD },
      { UserName: 'api', AccessKeyId: 'AKIANEW', Status: 'Active', CreateDate: AT },
    ]);
  });

  it('has the same keys in each Region, in pages', async () => {
    const double = await runAccount(withUser());
    double.account.pageSize = 1;
    const client = clientOf(double, IAMClient, { region: 'us-east-1' });
    const seen: unknown[] = [];
    for await (const page of paginateListAccessKeys({ client }, { UserName: 'api' })) {
      seen.push(page.AccessKeyMetadata?.map(({ AccessKeyId }) => AccessKeyId));
    }
    expect(seen).toEqual([['AKIAOLD'], ['AKIANEW']]);
  });

  it('is the caller by default, unless that is a role', async () => {
    const double = await runAccount(withUser());
    const iam = clientOf(double, IAMClient);
    expect(await errorOf(iam.send(new GetUserCommand({})))).toMatchObject({ name: 'ValidationError' });
    double.account.caller = { arn: 'arn:aws:iam::210987654321:user/api', userId: 'AIDAAPI' };
    expect((await iam.send(new GetUserCommand({}))).User?.UserName).toBe('api');
  });

  it('is not found if it does not exist', async () => {
    const iam = clientOf(await runAccount(), IAMClient);
    const unknown = {
      name: 'NoSuchEntityException',
      message: 'The user with name api cannot be found.',
      status: 404,
    };
    expect(await errorOf(iam.send(new GetUserCommand({ UserName: 'api' })))).toEqual(unknown);
    expect(await errorOf(iam.send(new ListAccessKeysCommand({ UserName: 'api' })))).toEqual(unknown);
  });
});
