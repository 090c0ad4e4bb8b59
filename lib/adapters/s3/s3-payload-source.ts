import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { PayloadSource, StoredPayload } from '../../ports/queues.ts';
import { awsErrorCode } from '../aws-client.ts';

/** Reads large content from the bucket. */
export class S3PayloadSource implements PayloadSource {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for one call, including SDK retries and the whole body */
  constructor(s3: S3Client, bucket: string, timeoutMs: number) {
    this.#s3 = s3;
    this.#bucket = bucket;
    this.#timeoutMs = timeoutMs;
  }

  async get(key: string, maxBytes: number): Promise<StoredPayload> {
    try {
      const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
      const object = await this.#s3.send(command, { abortSignal: AbortSignal.timeout(this.#timeoutMs) });
      if (object.Body === undefined) return { kind: 'missing' };
      if ((object.ContentLength ?? 0) > maxBytes) {
        // Closes the connection instead of reading the whole object.
        await object.Body.transformToWebStream().cancel();
        return { kind: 'too-large' };
      }
      return { kind: 'payload', bytes: Buffer.from(await object.Body.transformToByteArray()) };
    } catch (error) {
      if (awsErrorCode(error) === 'NoSuchKey') return { kind: 'missing' };
      throw error;
    }
  }
}
