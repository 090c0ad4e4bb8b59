import { EventEmitter, once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RESEND_ENV } from '../../lambda/resend/constants.ts';
import { bundleLambda } from '../../lib/infra/lambda-bundle.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/local/aws/sqs-and-s3.ts';
import { type LambdaHost, startLambdaHost } from '../../lib/local/lambda/lambda-host.ts';
import { type SesDouble, startSesDouble } from '../../lib/local/ses/ses-double.ts';
import { type Envelope, serialiseEnvelope } from '../../lib/message/envelope.ts';
import { anEnvelope } from '../support/an-envelope.ts';
import { takeAll } from '../support/queue-contents.ts';

describe('the bundle of the resend Lambda, under plain Node outside of the repository', () => {
  let directory: string;
  let aws: SqsAndS3;
  let ses: SesDouble;
  let host: LambdaHost;
  let lines: string[];
  let logged: EventEmitter;

  const environment = (): Record<string, string> => ({
    [RESEND_ENV.queueUrl]: aws.fallback.url,
    [RESEND_ENV.deadLetterQueueUrl]: aws.deadLetters.url,
    [RESEND_ENV.payloadBucket]: aws.bucket,
    [RESEND_ENV.configurationSet]: 'keybuzz-mail',
    [RESEND_ENV.fromDomain]: 'keybuzz.io',
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    AWS_ENDPOINT_URL_SES: ses.url,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  });

  async function enqueue(body: Envelope | string): Promise<void> {
    const text = typeof body === 'string' ? body : serialiseEnvelope(body);
    await aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.fallback.url, MessageBody: text }));
  }

  async function startHost(variables = environment()): Promise<void> {
    host = await startLambdaHost({
      bundleDirectory: directory,
      environment: variables,
      queueUrl: aws.fallback.url,
      queueArn: aws.fallback.arn,
      sqs: aws.sqs,
      batchSize: 5,
      timeoutSeconds: 60,
      concurrency: 1,
      onLogLine: (line) => {
        lines.push(line);
        logged.emit('line');
      },
    });
  }

  beforeEach(async () => {
    lines = [];
    logged = new EventEmitter();
    directory = await mkdtemp(join(tmpdir(), 'resend-bundle-'));
    await cp(bundleLambda('resend').directory, directory, { recursive: true });
    aws = await startSqsAndS3({ visibilitySeconds: 60 });
    ses = await startSesDouble({ identities: ['keybuzz.io'], configurationSets: ['keybuzz-mail'] });
  });

  afterEach(async () => {
    await host.close();
    await aws.close();
    await ses.close();
    await rm(directory, { recursive: true });
  });

  it('sends what came whole and what came in parts, and parks what is no envelope', async () => {
    await startHost();
    const content = {
      type: 'mail',
      from: 'support@keybuzz.io',
      to: 'marie@example.org',
      text: 'Hello',
    } as const;
    await enqueue(anEnvelope({ id: 'inline' }));
    await enqueue(anEnvelope({ id: 'parts', content }));
    await enqueue('nonsense');

    await host.idle({ signal: AbortSignal.timeout(30_000) });

    expect(ses.mails.map(({ tags }) => tags.deliveryId).sort()).toEqual(['inline', 'parts']);
    expect((await takeAll(aws, aws.deadLetters)).map(({ Body }) => Body)).toEqual(['nonsense']);
    expect(lines.map((line) => JSON.parse(line).event).sort()).toEqual(['dead-lettered', 'resent', 'resent']);
  });

  it('tells a service that cannot be reached from an answer that was lost, and tries again', async () => {
    await startHost({ ...environment(), AWS_ENDPOINT_URL_SES: 'http://127.0.0.1:9' });
    await enqueue(anEnvelope());
    await host.nextInvocation({ signal: AbortSignal.timeout(20_000) });
    await aws.arrival({ action: 'ChangeMessageVisibility' }, { signal: AbortSignal.timeout(20_000) });

    expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({
      event: 'not-sent-yet',
      cause: 'ses-unreachable',
      answerLost: false,
    });
  });

  it('does not start without its settings, and names them', async () => {
    const { [RESEND_ENV.fromDomain]: _domain, ...rest } = environment();
    await startHost(rest);
    const firstLine = once(logged, 'line', { signal: AbortSignal.timeout(20_000) });
    await enqueue(anEnvelope());
    await firstLine;
    await host.close();

    expect(lines.join('\n')).toContain(RESEND_ENV.fromDomain);
    expect(ses.calls).toEqual([]);
  });
});
