import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqsFallbackQueue } from '../../../lib/adapters/sqs/sqs-fallback-queue.ts';
import { packMime } from '../../../lib/domain/content.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import { MAX_QUEUE_MESSAGE_BYTES } from '../../../lib/domain/limits.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { REMAINDER_ATTRIBUTE } from '../../../lib/ports/queues.ts';
import { takeAll, takeEnvelopes } from '../../support/queue-contents.ts';

function anEnvelope(id: string, bytes = 100): FallbackMessage {
  return {
    version: 1,
    id,
    tenantId: 'tenant-7',
    envelope: { from: 'support@keybuzz.io', to: ['marie@example.org'] },
    content: packMime(randomBytes(bytes)),
    createdAt: new Date().toISOString(),
  };
}

/** An envelope that fills its message to the last byte. */
function aFullEnvelope(): FallbackMessage {
  const content = { type: 'mail', from: 'support@keybuzz.io', text: '' } as const;
  const empty: FallbackMessage = { ...anEnvelope('full'), content };
  const room = MAX_QUEUE_MESSAGE_BYTES - Buffer.byteLength(serialiseFallbackMessage(empty));
  return { ...empty, content: { ...content, text: 'x'.repeat(room) } };
}

describe('the fallback queue', () => {
  let aws: SqsAndS3;
  let queue: SqsFallbackQueue;

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    queue = new SqsFallbackQueue(aws.sqs, aws.fallback.url, 5_000);
  });

  afterEach(async () => {
    await aws.close();
  });

  it('sends concurrent pushes in batches of ten, and a single push alone', async () => {
    await Promise.all(Array.from({ length: 21 }, (_, index) => queue.push(anEnvelope(`mail-${index}`))));

    expect(aws.callsOf({ action: 'SendMessageBatch' })).toBe(2);
    expect(aws.callsOf({ action: 'SendMessage' })).toBe(1);
    expect(await takeEnvelopes(aws)).toHaveLength(21);
  });

  it('keeps a batch within the limit of SQS', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];

    await Promise.all(ids.map((id) => queue.push(anEnvelope(id, 400_000))));

    const received = await takeEnvelopes(aws);
    expect(received.map(({ id }) => id).sort()).toEqual(ids);
  });

  it('sends urgent mail to its own queue, and a batch to one queue only', async () => {
    queue = new SqsFallbackQueue(aws.sqs, aws.fallback.url, 5_000, aws.urgent.url);
    const envelopes = Array.from({ length: 8 }, (_, index): FallbackMessage => {
      const urgent = index % 2 === 0;
      return {
        ...anEnvelope(`${urgent ? 'otp' : 'reply'}-${index}`),
        priority: urgent ? 'urgent' : 'normal',
      };
    });

    await Promise.all([...envelopes, anEnvelope('reply-8')].map((envelope) => queue.push(envelope)));

    const idsIn = async (one: LocalQueue) =>
      (await takeAll(aws, one)).map(({ Body = '' }) => JSON.parse(Body).id).sort();
    expect(await idsIn(aws.urgent)).toEqual(['otp-0', 'otp-2', 'otp-4', 'otp-6']);
    expect(await idsIn(aws.fallback)).toEqual(['reply-1', 'reply-3', 'reply-5', 'reply-7', 'reply-8']);
    expect(aws.callsOf({ action: 'SendMessageBatch' })).toBe(2);
  });

  it('sends a single urgent mail to its own queue, too', async () => {
    queue = new SqsFallbackQueue(aws.sqs, aws.fallback.url, 5_000, aws.urgent.url);

    await queue.push({ ...anEnvelope('otp'), priority: 'urgent' });

    expect(await takeAll(aws, aws.urgent)).toHaveLength(1);
    expect(await takeEnvelopes(aws)).toEqual([]);
  });

  it('sends urgent mail to the one queue of an API that knows no other', async () => {
    await queue.push({ ...anEnvelope('otp'), priority: 'urgent' });

    expect(await takeEnvelopes(aws)).toMatchObject([{ id: 'otp', priority: 'urgent' }]);
  });

  it.each<[string, (aws: SqsAndS3) => [string, string]]>([
    ['the fallback queue', ({ fallback, urgent }) => [`${fallback.url}-old`, urgent.url]],
    ['the urgent queue', ({ fallback, urgent }) => [fallback.url, `${urgent.url}-old`]],
  ])('is not ready without %s', async (_which, urls) => {
    const [normal, urgent] = urls(aws);
    await expect(new SqsFallbackQueue(aws.sqs, normal, 5_000, urgent).check()).rejects.toThrow();
    await new SqsFallbackQueue(aws.sqs, aws.fallback.url, 5_000, aws.urgent.url).check();

    expect(await takeAll(aws, aws.urgent)).toEqual([]);
  });

  it('returns to every push the id of its own message', async () => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, (_, index) => queue.push(anEnvelope(`mail-${index}`))),
    );

    expect(new Set(ids).size).toBe(10);
  });

  it('retries only the failed entries of a batch', async () => {
    aws.fault({
      fault: { kind: 'part-failed', indices: [1, 3] },
      on: { action: 'SendMessageBatch' },
      times: 1,
    });

    await Promise.all(['a', 'b', 'c', 'd'].map((id) => queue.push(anEnvelope(id))));

    expect((await takeEnvelopes(aws)).map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(aws.callsOf({ action: 'SendMessage' })).toBe(2);
  });

  it('fails only entries that SQS rejects with SenderFault', async () => {
    const fault = {
      kind: 'part-failed',
      indices: [0],
      code: 'InvalidMessageContents',
      senderFault: true,
    } as const;
    aws.fault({ fault, on: { action: 'SendMessageBatch' }, times: 1 });

    const results = await Promise.allSettled(['a', 'b'].map((id) => queue.push(anEnvelope(id))));

    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'InvalidMessageContents' } },
      { status: 'fulfilled' },
    ]);
    expect((await takeEnvelopes(aws)).map(({ id }) => id)).toEqual(['b']);
  });

  it('fails every push of a batch that SQS did not accept', async () => {
    aws.fault({ fault: { kind: 'denied' }, on: { action: 'SendMessageBatch' } });

    const results = await Promise.allSettled(['a', 'b'].map((id) => queue.push(anEnvelope(id))));

    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('marks the remainder of a message, and nothing else', async () => {
    await queue.push(anEnvelope('left'), { isRemainder: true });
    await Promise.all([
      queue.push(anEnvelope('more-left'), { isRemainder: true }),
      queue.push(anEnvelope('new')),
    ]);

    const messages = await takeAll(aws, aws.fallback);
    const marked = messages.filter(({ MessageAttributes }) => MessageAttributes?.[REMAINDER_ATTRIBUTE]);
    expect(marked.map(({ Body }) => JSON.parse(Body ?? '').id).sort()).toEqual(['left', 'more-left']);
    expect(messages).toHaveLength(3);
  });

  it('pushes a remainder without the mark if a message has no room for it', async () => {
    const full = aFullEnvelope();

    await queue.push(full, { isRemainder: true });

    expect(await takeEnvelopes(aws)).toHaveLength(1);
  });

  it('delays what is pushed with a delay', async () => {
    await queue.push(anEnvelope('later'), { delaySeconds: 900 });

    expect(await takeEnvelopes(aws)).toEqual([]);
  });
});
