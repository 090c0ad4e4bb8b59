import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DlqClient } from '../../../../lib/adapters/sqs/dlq-client.ts';
import { scanDeadLetters } from '../../../../lib/cli/lookups/dead-letters.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../../lib/emulators/aws/sqs-and-s3.ts';
import { anEnvelope } from '../../../support/an-envelope.ts';
import { parkLetters } from './dead-letter-bench.ts';

describe('a scan of the dead letters', () => {
  let aws: SqsAndS3;
  let box: DlqClient;
  let stop: AbortController;

  const scan = (look: () => boolean = () => true) =>
    scanDeadLetters({ box, signal: stop.signal, progress: () => ({ set: () => {}, stop: () => {} }) }, look);

  beforeEach(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    box = new DlqClient(aws.sqs, aws.deadLetters.url);
    stop = new AbortController();
    await parkLetters(
      aws,
      Array.from({ length: 85 }, () => ({ body: anEnvelope() })),
    );
  });

  afterEach(async () => {
    await aws.close();
  });

  it('sees each dead letter once, and counts those in flight elsewhere', async () => {
    await box.receive({ most: 5, holdSeconds: 60 });
    let looks = 0;

    const outcome = await scan(() => {
      looks += 1;
      return true;
    });

    expect(outcome).toMatchObject({ seen: 80, inFlight: 5, complete: true });
    expect(looks).toBe(80);
    expect(await box.counts()).toEqual({ waiting: 80, inFlight: 5 });
  });

  it('releases all messages when it is stopped', async () => {
    const outcome = await scan(() => {
      stop.abort();
      return true;
    });

    expect(outcome.complete).toBe(false);
    expect(outcome.seen).toBeGreaterThan(0);
    expect(await box.counts()).toEqual({ waiting: 85, inFlight: 0 });
  });

  it('releases all messages when the queue fails during the scan', async () => {
    const scanning = scan(() => {
      aws.fault({ fault: { kind: 'denied' }, on: { action: 'ReceiveMessage' } });
      return true;
    });

    await expect(scanning).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(await box.counts()).toEqual({ waiting: 85, inFlight: 0 });
  });

  it('looks at no more than the callback asks for', async () => {
    let looks = 0;

    const outcome = await scan(() => {
      looks += 1;
      return looks < 3;
    });

    expect(looks).toBe(3);
    expect(outcome.complete).toBe(false);
    expect(await box.counts()).toEqual({ waiting: 85, inFlight: 0 });
  });
});
