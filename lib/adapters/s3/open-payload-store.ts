import { S3Client } from '@aws-sdk/client-s3';
import { S3PayloadStore } from './s3-payload-store.ts';

/**
 * The payload store as the Lambda reaches it: Region and credentials from the function's surroundings.
 *
 * @param timeoutMs what one call may take in all
 */
export function openPayloadStore(bucket: string, timeoutMs: number): S3PayloadStore {
  // Emulators serve buckets by path, and AWS still takes that form, too.
  return new S3PayloadStore(new S3Client({ forcePathStyle: true }), bucket, timeoutMs);
}
