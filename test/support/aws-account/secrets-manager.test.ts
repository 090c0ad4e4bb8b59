import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, it } from '@jest/globals';
import { errorOf } from '../../emulators/ses/running-double.ts';
import { AwsAccount, type StoredSecret } from './aws-account.ts';
import { AT, clientOf, runAccount } from './running-account.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:mail/dev/ses-AbCdEf';

async function withSecret(changes: Partial<StoredSecret> = {}) {
  const secret = { name: 'mail/dev/ses', arn: ARN, value: '{"a":"ü"}', createdAt: AT, ...changes };
  const double = await runAccount(new AwsAccount().add({ secrets: [secret] }));
  return { secret, client: clientOf(double, SecretsManagerClient) };
}

describe('a secret', () => {
  it.each([
    ['name', 'mail/dev/ses'],
    ['ARN', ARN],
    ['ARN without its random suffix', ARN.slice(0, -7)],
  ])('is read by its %s', async (_what, id) => {
    const { client } = await withSecret();
    expect(await client.send(new GetSecretValueCommand({ SecretId: id }))).toMatchObject({
      Name: 'mail/dev/ses',
      ARN,
      SecretString: '{"a":"ü"}',
      VersionStages: ['AWSCURRENT'],
      CreatedDate: AT,
    });
  });

  it('is described without its value', async () => {
    const { client, secret } = await withSecret();
    const value = await client.send(new GetSecretValueCommand({ SecretId: ARN }));
    const described = await client.send(new DescribeSecretCommand({ SecretId: 'mail/dev/ses' }));
    expect(described).toMatchObject({ Name: 'mail/dev/ses', ARN, LastChangedDate: AT });
    expect(described.VersionIdsToStages).toEqual({ [String(value.VersionId)]: ['AWSCURRENT'] });
    expect(JSON.stringify(described)).not.toContain('ü');
    secret.value = 'another';
    const another = await client.send(new GetSecretValueCommand({ SecretId: ARN }));
    expect(another.VersionId).not.toBe(value.VersionId);
  });

  it('is not found if it does not exist', async () => {
    const { client } = await withSecret();
    for (const command of [GetSecretValueCommand, DescribeSecretCommand]) {
      expect(await errorOf(client.send(new command({ SecretId: 'mail/prod/ses' })))).toEqual({
        name: 'ResourceNotFoundException',
        message: "Secrets Manager can't find the specified secret.",
        status: 400,
      });
    }
  });

  it('cannot be read without a value', async () => {
    const { client } = await withSecret({ value: undefined });
    const error = await errorOf(client.send(new GetSecretValueCommand({ SecretId: ARN })));
    expect(error).toMatchObject({ name: 'ResourceNotFoundException' });
    expect(error.message).toContain('AWSCURRENT');
    expect((await client.send(new DescribeSecretCommand({ SecretId: ARN }))).ARN).toBe(ARN);
  });

  it('cannot be read if its deletion is scheduled', async () => {
    const { client } = await withSecret({ deletedAt: AT });
    const error = await errorOf(client.send(new GetSecretValueCommand({ SecretId: ARN })));
    expect(error).toMatchObject({ name: 'InvalidRequestException' });
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: ARN }));
    expect(DeletedDate).toEqual(AT);
  });
});
