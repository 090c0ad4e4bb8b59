import * as zlib from 'node:zlib';
import type { MimeContent } from './fallback-message.ts';
import { MAX_CONTENT_BYTES } from './limits.ts';

/** Below this size, compression saves less than its frame costs. */
const WORTH_COMPRESSING_BYTES = 512;

/** zstd level 3 is several times faster than gzip at the same ratio; available since Node 22.15. */
const ENCODING = typeof zlib.zstdCompressSync === 'function' ? 'zstd' : 'gzip';

/**
 * Packs composed MIME bytes into an envelope. Compression outweighs the third that base64 adds:
 * text shrinks to a fraction, and base64 attachments shrink back to about the size of the file.
 */
export function packMime(mime: Buffer): MimeContent {
  const compressed = mime.length < WORTH_COMPRESSING_BYTES ? mime : compress(mime);
  const smaller = compressed.length < mime.length;
  return {
    type: 'mime',
    encoding: smaller ? ENCODING : 'none',
    bytes: mime.length,
    data: (smaller ? compressed : mime).toString('base64'),
  };
}

function compress(mime: Buffer): Buffer {
  return ENCODING === 'zstd' ? zlib.zstdCompressSync(mime) : zlib.gzipSync(mime);
}

export type UnpackedMime =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'unreadable'; readonly reason: 'corrupt' | 'size-mismatch'; readonly detail: string };

/**
 * Unpacks the MIME bytes of an envelope. Never throws, and never allocates more for the result than the
 * declared size, which is at most {@link MAX_CONTENT_BYTES}: a decompression bomb stops at that limit.
 */
export function unpackMime(content: MimeContent): UnpackedMime {
  const limit = Math.min(content.bytes, MAX_CONTENT_BYTES);
  const data = Buffer.from(content.data, 'base64');
  let mime: Buffer;
  try {
    mime = decompress(data, content.encoding, limit);
  } catch (error) {
    if (isTooLarge(error)) {
      return {
        kind: 'unreadable',
        reason: 'size-mismatch',
        detail: `unpacks to more than the ${limit} bytes declared`,
      };
    }
    return { kind: 'unreadable', reason: 'corrupt', detail: `the data is no ${content.encoding}` };
  }
  if (mime.length !== content.bytes) {
    const detail = `unpacks to ${mime.length} bytes, ${content.bytes} were declared`;
    return { kind: 'unreadable', reason: 'size-mismatch', detail };
  }
  return { kind: 'mime', mime };
}

function decompress(data: Buffer, encoding: MimeContent['encoding'], maxOutputLength: number): Buffer {
  switch (encoding) {
    case 'none':
      return data;
    case 'gzip':
      return zlib.gunzipSync(data, { maxOutputLength });
    case 'zstd':
      return zlib.zstdDecompressSync(data, { maxOutputLength });
  }
}

function isTooLarge(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
  );
}
