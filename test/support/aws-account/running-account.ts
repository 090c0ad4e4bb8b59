import { afterEach } from '@jest/globals';
import type { AwsAccount } from './aws-account.ts';
import { type AwsAccountDouble, startAwsAccount } from './start-aws-account.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

/** Starts a double, and closes it after the test. */
export async function runAccount(account?: AwsAccount): Promise<AwsAccountDouble> {
  const double = await startAwsAccount(account === undefined ? {} : { account });
  closers.push(() => double.close());
  return double;
}

interface Destroyable {
  destroy(): void;
}

/** The constructor options of SDK clients. */
export interface ClientAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
}

/** Creates a client of the double, and destroys it after the test. */
export function clientOf<Client extends Destroyable>(
  double: AwsAccountDouble,
  make: new (access: ClientAccess) => Client,
  { region = 'eu-west-1', maxAttempts = 1 } = {},
): Client {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-secret' };
  const client = new make({ endpoint: double.url, region, credentials, maxAttempts });
  closers.unshift(async () => client.destroy());
  return client;
}

export const AT = new Date('2026-03-01T12:00:00Z');
