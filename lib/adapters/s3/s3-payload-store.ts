import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { PAYLOAD_PREFIX } from '../../domain/limits.ts';
import type { Checkable, PayloadStore } from '../../ports/queues.ts';
import { awsErrorCode } from '../aws-client.ts';

/** Keeps large content in a bucket whose own rules encrypt and expire it. */
export class S3PayloadStore implements PayloadStore, Checkable {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for one call, including SDK retries and the whole body */
  constructor(s3: S3Client, bucket: string, timeoutMs: number) {
    this.#s3 = s3;
    this.#bucket = bucket;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Writes a payload once. The key depends on the content, so an existing object has the same bytes; the
   * policies allow no other write, because with the API's key it could change a waiting mail.
   *
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
   */
  async put(key: string, bytes: Buffer): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: bytes,
      ContentType: 'message/rfc822',
      IfNoneMatch: '*',
    });
    try {
      await this.#s3.send(command, this.#limit());
    } catch (error) {
      if (awsErrorCode(error) !== 'PreconditionFailed') throw error;
    }
  }

  /** Writes an empty object that no message refers to; once it is there, S3 refuses the next for that reason alone. */
  check(): Promise<void> {
    return this.put(`${PAYLOAD_PREFIX}check`, Buffer.alloc(0));
  }

  #limit(): { abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#timeoutMs) };
  }
}
