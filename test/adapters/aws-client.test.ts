import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { functionClientOptions } from '../../lib/adapters/aws-client.ts';

/** As Lambda sets them. */
const ENVIRONMENT = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-secret',
  AWS_SESSION_TOKEN: 'a-token',
};

const before = { ...process.env };
beforeEach(() => {
  Object.assign(process.env, ENVIRONMENT);
});
afterEach(() => {
  process.env = { ...before };
});

async function readSetting(setting: string | (() => Promise<string>)): Promise<string> {
  return typeof setting === 'function' ? setting() : setting;
}

async function resolved({ config }: SQSClient) {
  const { accessKeyId, secretAccessKey, sessionToken } = await config.credentials();
  return {
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    region: await config.region(),
    maxAttempts: await config.maxAttempts(),
    retryMode: await readSetting(config.retryMode),
    defaultsMode: await readSetting(config.defaultsMode),
    useDualstackEndpoint: await config.useDualstackEndpoint(),
    useFipsEndpoint: await config.useFipsEndpoint(),
  };
}

it('gives a client of a Lambda what the SDK finds by itself', async () => {
  const given = await resolved(new SQSClient(functionClientOptions(process.env)));
  expect(given).toEqual(await resolved(new SQSClient({})));
  expect(given).toMatchObject({ region: 'eu-west-1', credentials: { sessionToken: 'a-token' } });
});

it('leaves the credentials to the SDK if the environment has none', () => {
  const { AWS_SECRET_ACCESS_KEY: _, ...without } = ENVIRONMENT;
  expect(functionClientOptions(without)).not.toHaveProperty('credentials');
});
