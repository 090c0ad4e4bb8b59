import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DlqClient, SqsResubmission } from '../../../../lib/adapters/sqs/dlq-client.ts';
import { RateLimiter } from '../../../../lib/cli/lookups/dlq/process-dead-letters.ts';
import {
  planRedrive,
  type RedriveOutcome,
  redriveDeadLetters,
} from '../../../../lib/cli/lookups/dlq/redrive-dead-letters.ts';
import type { Progress } from '../../../../lib/cli/terminal.ts';
import { packMime } from '../../../../lib/domain/content.ts';
import type { AwsFault } from '../../../../lib/emulators/aws/aws-fault.ts';
import { type LocalQueue, type SqsAndS3, startSqsAndS3 } from '../../../../lib/emulators/aws/sqs-and-s3.ts';
import { systemClock } from '../../../../lib/ports/runtime.ts';
import { anEnvelope, mimeFrom } from '../../../support/an-envelope.ts';
import { takeAll, takeEnvelopes } from '../../../support/queue-contents.ts';
import { parkLetters } from './dead-letter-bench.ts';

const attributes = { cause: 'MessageRejected', detail: 'refused' };

describe('a redrive', () => {
  let aws: SqsAndS3;
  let box: DlqClient;
  let stop: AbortController;

  const progress = (set: (done: number) => void = () => {}): Progress => ({ set, stop: () => {} });

  async function plan(): Promise<Set<string>> {
    const scan = { box, signal: stop.signal, progress: () => progress() };
    const { deadLetters } = await planRedrive({ choice: { by: 'all' } }, new Date(), scan);
    return new Set(deadLetters.map(({ queueMessageId }) => queueMessageId));
  }

  function redrive(chosen: ReadonlySet<string>, set?: (done: number) => void): Promise<RedriveOutcome> {
    return redriveDeadLetters(chosen, {
      box,
      resubmission: {
        normal: new SqsResubmission(aws.sqs, aws.fallback.url),
        urgent: new SqsResubmission(aws.sqs, aws.urgent.url),
      },
      pace: new RateLimiter(1_000),
      signal: stop.signal,
      progress: progress(set),
      clock: systemClock,
      extendMs: undefined,
    });
  }

  /** The number of copies of each id in the fallback queue. */
  async function copies(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { id } of await takeEnvelopes(aws)) counts[id] = (counts[id] ?? 0) + 1;
    return counts;
  }

  const addDeadLetters = (count: number) =>
    parkLetters(
      aws,
      Array.from({ length: count }, (_, index) => ({ body: anEnvelope({ id: `id-${index}` }), attributes })),
    );

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    box = new DlqClient(aws.sqs, aws.deadLetters.url);
    stop = new AbortController();
  });

  afterEach(async () => {
    await aws.close();
  });

  it('moves only what was chosen, not what was there before or arrives during the run', async () => {
    await addDeadLetters(20);
    const all = [...(await plan())];
    await addDeadLetters(5);

    const outcome = await redrive(new Set(all.slice(10)));

    expect(outcome).toMatchObject({ done: 10, missing: 0, broken: undefined });
    expect(await takeAll(aws, aws.fallback)).toHaveLength(10);
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(15);
  });

  it('puts each back into the queue of its priority', async () => {
    const priorities = ['urgent', 'normal', undefined, 'urgent'] as const;
    await parkLetters(
      aws,
      priorities.map((priority, index) => ({
        body: anEnvelope({ id: `id-${index}`, ...(priority === undefined ? {} : { priority }) }),
        attributes,
      })),
    );

    expect(await redrive(await plan())).toMatchObject({ done: 4, missing: 0 });

    const idsIn = async (queue: LocalQueue) =>
      (await takeAll(aws, queue)).map(({ Body = '' }) => JSON.parse(Body).id).sort();
    expect(await idsIn(aws.urgent)).toEqual(['id-0', 'id-3']);
    expect(await idsIn(aws.fallback)).toEqual(['id-1', 'id-2']);
  });

  it('does not wait forever for a message that another consumer received', async () => {
    await addDeadLetters(3);
    const chosen = await plan();
    const [received] = await box.receive({ most: 1, holdSeconds: 60 });

    const outcome = await redrive(chosen);

    expect(received).toBeDefined();
    expect(outcome).toMatchObject({ done: 2, missing: 1 });
  });

  it('retries failed entries of a batch, and leaves those that SQS never accepts', async () => {
    await addDeadLetters(8);
    const chosen = await plan();
    aws.fault({
      fault: { kind: 'part-failed', indices: [1, 2] },
      on: { action: 'SendMessageBatch' },
      times: 1,
    });

    const outcome = await redrive(chosen);

    expect(outcome).toMatchObject({ done: 8, inBoth: 0 });
    expect(Object.values(await copies())).toEqual(Array.from({ length: 8 }, () => 1));

    await addDeadLetters(2);
    const more = await plan();
    aws.fault({
      fault: { kind: 'part-failed', indices: [0], code: 'Odd' },
      on: { action: 'SendMessageBatch' },
    });
    const refused = await redrive(more);

    expect(refused.done + (refused.failed.get('Odd') ?? 0)).toBe(2);
    expect(refused.failed.get('Odd')).toBeGreaterThan(0);
    aws.heal();
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(refused.failed.get('Odd') ?? 0);
  });

  it('does not resend a message if only its deletion failed', async () => {
    await addDeadLetters(6);
    const chosen = await plan();
    aws.fault({
      fault: { kind: 'part-failed', indices: [0, 3] },
      on: { action: 'DeleteMessageBatch' },
      times: 1,
    });

    const outcome = await redrive(chosen);

    expect(outcome).toMatchObject({ done: 6, inBoth: 0 });
    expect(Object.values(await copies())).toEqual(Array.from({ length: 6 }, () => 1));
    expect(await takeAll(aws, aws.deadLetters)).toHaveLength(0);
  });

  it.each<[string, AwsFault]>([
    ['denied', { kind: 'denied' }],
    ['done without a response', { kind: 'reset', done: true }],
  ])('loses nothing if one of its calls is %s', async (_, fault) => {
    for (const action of ['SendMessageBatch', 'DeleteMessageBatch']) {
      await addDeadLetters(25);
      const chosen = await plan();
      aws.fault({ fault, on: { action } });

      const broken = await redrive(chosen);
      aws.heal();
      const { waiting } = await box.counts();
      const second = await redrive(await plan());

      expect(broken.broken).toBeDefined();
      expect(second.done).toBe(waiting);
      expect(Object.keys(await copies())).toHaveLength(25);
      expect(await takeAll(aws, aws.deadLetters)).toHaveLength(0);
    }
  });

  it('stops between two batches, and releases the messages in flight', async () => {
    await addDeadLetters(40);
    const chosen = await plan();

    const outcome = await redrive(chosen, (done) => {
      if (done >= 10) stop.abort();
    });

    expect(outcome.done).toBeLessThan(40);
    expect(outcome).toMatchObject({ missing: 40 - outcome.done, inBoth: 0 });
    expect(await box.counts()).toEqual({ waiting: 40 - outcome.done, inFlight: 0 });
    expect(Object.keys(await copies())).toHaveLength(outcome.done);
  });

  it('moves the largest messages', async () => {
    const attachment = Buffer.alloc(700_000, 7).toString('base64');
    const content = packMime(mimeFrom('support@keybuzz.io'));
    const large = { ...content, encoding: 'none' as const, bytes: 700_000, data: attachment };
    for (const id of ['a', 'b', 'c']) {
      await parkLetters(aws, [{ body: anEnvelope({ id, content: large }) }]);
    }

    const outcome = await redrive(await plan());

    expect(outcome.done).toBe(3);
    expect(await copies()).toEqual({ a: 1, b: 1, c: 1 });
  });
});
