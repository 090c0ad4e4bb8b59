import { SESClient, SendRawEmailCommand } from '@aws-sdk/client-ses';
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { afterEach } from '@jest/globals';
import {
  type SesDouble,
  type SesDoubleOptions,
  startSesDouble,
} from '../../../lib/emulators/ses/ses-double.ts';
import type { SesApi } from '../../../lib/emulators/ses/submission.ts';

/** A double with a client of each protocol; all are closed after the test. */
export interface RunningDouble {
  readonly double: SesDouble;
  readonly v1: SESClient;
  readonly v2: SESv2Client;
}

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-secret' };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

export async function runDouble(options: SesDoubleOptions = {}): Promise<RunningDouble> {
  const double = await startSesDouble({ identities: ['example.org'], ...options });
  const config = { endpoint: double.url, region: 'eu-west-1', credentials, maxAttempts: 1 };
  const v1 = new SESClient(config);
  const v2 = new SESv2Client(config);
  closers.push(async () => {
    v1.destroy();
    v2.destroy();
    await double.close();
  });
  return { double, v1, v2 };
}

/** A mail of the tests, in one form for both protocols. */
export interface Mail {
  readonly raw?: Uint8Array | string;
  readonly source?: string;
  readonly to?: string[];
  readonly tags?: Record<string, string>;
  readonly configurationSet?: string;
}

export const HELLO = [
  'From: Shop <shop@example.org>',
  'To: buyer@example.net',
  'Subject: Hello',
  '',
  'Hello buyer',
  '',
].join('\r\n');

/** Sends with the real client of that protocol, and returns the id from the response of SES. */
export async function send(
  { v1, v2 }: RunningDouble,
  api: SesApi,
  mail: Mail = {},
  abortSignal?: AbortSignal,
): Promise<string | undefined> {
  const data = Buffer.from(mail.raw ?? HELLO);
  const tags = Object.entries(mail.tags ?? {}).map(([Name, Value]) => ({ Name, Value }));
  const options = abortSignal === undefined ? {} : { abortSignal };
  if (api === 'v1') {
    const response = await v1.send(
      new SendRawEmailCommand({
        RawMessage: { Data: data },
        Source: mail.source,
        Destinations: mail.to,
        ConfigurationSetName: mail.configurationSet,
        ...(tags.length > 0 && { Tags: tags }),
      }),
      options,
    );
    return response.MessageId;
  }
  const response = await v2.send(
    new SendEmailCommand({
      Content: { Raw: { Data: data } },
      FromEmailAddress: mail.source,
      Destination: mail.to && { ToAddresses: mail.to },
      ConfigurationSetName: mail.configurationSet,
      ...(tags.length > 0 && { EmailTags: tags }),
    }),
    options,
  );
  return response.MessageId;
}

/** An error as a caller of the SDK sees it. */
export interface SeenError {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
}

/** The error that the SDK throws for a call that must fail. */
export async function errorOf(call: Promise<unknown>): Promise<SeenError> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { name: error.name, message: error.message, status: statusOf(error) };
  }
  throw new Error('the call succeeded');
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
