import { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import { SqsDeadLetters } from '../../../lib/adapters/sqs/sqs-dead-letters.ts';
import { SqsFallbackQueue } from '../../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { SqsRedelivery } from '../../../lib/adapters/sqs/sqs-redelivery.ts';
import { anEnvelope } from '../../support/an-envelope.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const TIMEOUT_MS = 300;

const CALLS: [string, (sqs: SQSClient, url: string) => Promise<unknown>][] = [
  ['a push', (sqs, url) => new SqsFallbackQueue(sqs, url, TIMEOUT_MS).push(anEnvelope())],
  [
    'two concurrent pushes',
    async (sqs, url) => {
      const queue = new SqsFallbackQueue(sqs, url, TIMEOUT_MS);
      const [first] = await Promise.allSettled([queue.push(anEnvelope()), queue.push(anEnvelope())]);
      if (first.status === 'rejected') throw first.reason;
    },
  ],
  [
    'a dead letter',
    (sqs, url) => new SqsDeadLetters(sqs, url, TIMEOUT_MS).park('x', { cause: 'a', detail: 'b' }),
  ],
  [
    'a postponement',
    (sqs, url) =>
      new SqsRedelivery(sqs, url, TIMEOUT_MS).postpone(
        { messageId: 'm', receiptHandle: 'handle', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:fallback' },
        5,
      ),
  ],
];

describe.each(CALLS)('%s', (_name, call) => {
  it.each(STALLS)(
    'times out if SQS %s, including the retries of the SDK',
    async (stall) => {
      const server = await startStallingServer(stall);
      const sqs = new SQSClient({
        region: 'eu-west-1',
        endpoint: server.url,
        useQueueUrlAsEndpoint: false,
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      });
      const before = performance.now();

      await expect(call(sqs, `${server.url}/1/queue`)).rejects.toBeDefined();

      expect(performance.now() - before).toBeLessThan(3_000);
      sqs.destroy();
      await server.close();
    },
    10_000,
  );
});
