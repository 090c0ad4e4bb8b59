import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { S3PayloadSource } from '../../../lib/adapters/s3/s3-payload-source.ts';
import { S3PayloadStore } from '../../../lib/adapters/s3/s3-payload-store.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { STALLS, type StallingServer, startStallingServer } from '../../support/stalling-server.ts';

describe('the payload store', () => {
  let server: StallingServer;
  let s3: S3Client;

  function openS3(): S3Client {
    s3 = new S3Client({
      region: 'eu-west-1',
      endpoint: server.url,
      forcePathStyle: true,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    return s3;
  }

  afterEach(async () => {
    s3.destroy();
    await server.close();
  });

  it.each(STALLS)(
    'gives up a payload that %s',
    async (stall) => {
      server = await startStallingServer(stall);
      const before = performance.now();

      await expect(
        new S3PayloadSource(openS3(), 'payloads', 300).get('payloads/a', 20_000),
      ).rejects.toBeDefined();

      expect(performance.now() - before).toBeLessThan(3_000);
    },
    10_000,
  );

  it.each(['silent', 'stalls in the body'] as const)(
    'gives up a put if the response %s',
    async (stall) => {
      server = await startStallingServer(stall);
      const before = performance.now();

      // S3 sends no body in this response; if there is one anyway, the put need not wait for it.
      await new S3PayloadStore(openS3(), 'payloads', 300)
        .put('payloads/a', Buffer.from('Hello'))
        .catch(() => {});

      expect(performance.now() - before).toBeLessThan(3_000);
    },
    10_000,
  );

  it('does not read a payload that is too large, and closes the connection', async () => {
    server = await startStallingServer('trickles', 1_000_000);
    const abandoned = server.abandoned({ signal: AbortSignal.timeout(3_000) });

    expect(await new S3PayloadSource(openS3(), 'payloads', 60_000).get('payloads/a', 10)).toEqual({
      kind: 'too-large',
    });
    await abandoned;
  }, 10_000);
});

describe('a payload that is there', () => {
  let aws: SqsAndS3;

  afterEach(() => aws.close());

  it('is left as it is by a second write, which succeeds all the same', async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    const store = new S3PayloadStore(aws.s3, aws.bucket, 20_000);

    await store.put('payloads/a', Buffer.from('the first'));
    await store.put('payloads/a', Buffer.from('another'));

    const source = new S3PayloadSource(aws.s3, aws.bucket, 20_000);
    expect(await source.get('payloads/a', 100)).toEqual({ kind: 'payload', bytes: Buffer.from('the first') });
  });
});
