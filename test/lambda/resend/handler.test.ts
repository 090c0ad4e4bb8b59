import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Context } from 'aws-lambda';
import {
  NEEDED_FOR_ONE_SEND_MS,
  PAYLOAD_TIMEOUT_MS,
  RESEND_ENV,
  RESEND_TIMEOUT_SECONDS,
  SES_CALL_TIMEOUT_MS,
} from '../../../lambda/resend/constants.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/local/aws/sqs-and-s3.ts';
import { type SesDouble, startSesDouble } from '../../../lib/local/ses/ses-double.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';

describe('the handler of the resend Lambda', () => {
  const before = { ...process.env };
  let aws: SqsAndS3;
  let ses: SesDouble;

  function contextWith(remainingMs: number): Context {
    return {
      callbackWaitsForEmptyEventLoop: false,
      functionName: 'resend',
      functionVersion: '1',
      invokedFunctionArn: 'arn',
      memoryLimitInMB: '1024',
      awsRequestId: 'request-1',
      logGroupName: 'group',
      logStreamName: 'stream',
      getRemainingTimeInMillis: () => remainingMs,
      done: () => {},
      fail: () => {},
      succeed: () => {},
    };
  }

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    ses = await startSesDouble({ identities: ['keybuzz.io'], configurationSets: ['keybuzz-mail'] });
    Object.assign(process.env, {
      [RESEND_ENV.queueUrl]: aws.fallback.url,
      [RESEND_ENV.deadLetterQueueUrl]: aws.deadLetters.url,
      [RESEND_ENV.payloadBucket]: aws.bucket,
      [RESEND_ENV.configurationSet]: 'keybuzz-mail',
      [RESEND_ENV.fromDomain]: 'keybuzz.io',
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: aws.endpoint,
      AWS_ENDPOINT_URL_SES: ses.url,
    });
  });

  afterAll(async () => {
    process.env = before;
    await aws.close();
    await ses.close();
  });

  it('begins a send only where its time limits fit into what is left of the invocation', async () => {
    const { handler } = await import('../../../lambda/resend/handler.ts');
    const record = aRecordOf(anEnvelope());

    const tooLate = await handler({ Records: [record] }, contextWith(NEEDED_FOR_ONE_SEND_MS));
    expect(tooLate.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(ses.calls).toEqual([]);

    const inTime = await handler({ Records: [record] }, contextWith(NEEDED_FOR_ONE_SEND_MS + 1_000));
    expect(inTime.batchItemFailures).toEqual([]);
    expect(ses.mails).toHaveLength(1);
  });

  it('has limits that leave room to say what became of a send, and fit into one invocation', () => {
    expect(NEEDED_FOR_ONE_SEND_MS).toBeGreaterThanOrEqual(SES_CALL_TIMEOUT_MS + 10_000);
    expect(PAYLOAD_TIMEOUT_MS + NEEDED_FOR_ONE_SEND_MS).toBeLessThan(RESEND_TIMEOUT_SECONDS * 1000);
  });
});
