import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packMime, unpackMime } from '../../lib/domain/content.ts';
import type { MimeContent } from '../../lib/domain/fallback-message.ts';
import { MAX_CONTENT_BYTES } from '../../lib/domain/limits.ts';

/** Archives of a few pieces that unpack to more than a gigabyte of zeroes. */
const BOMBS = [
  { encoding: 'gzip', data: gzipSync(Buffer.alloc(200 * 1024 * 1024)) },
  { encoding: 'zstd', data: zstdCompressSync(Buffer.alloc(1024 * 1024 * 1024)) },
] as const;

function content(encoding: MimeContent['encoding'], data: Buffer, bytes: number): MimeContent {
  return { type: 'mime', encoding, bytes, data: data.toString('base64') };
}

describe('the content codec', () => {
  it('returns the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000 }), (bytes) => {
        const mime = Buffer.from(bytes);
        expect(unpackMime(packMime(mime))).toEqual({ kind: 'mime', mime });
      }),
    );
  });

  it('makes text and base64 attachments smaller than base64 alone', () => {
    const text = Buffer.from('Dear customer, your order is on its way.\r\n'.repeat(500));
    const attachment = Buffer.from(
      Buffer.from(Array.from({ length: 30_000 }, () => Math.random() * 256)).toString('base64'),
    );

    expect(packMime(text).data.length).toBeLessThan(text.length / 10);
    expect(packMime(attachment).data.length).toBeLessThan(attachment.length * 1.1);
  });

  it.each(BOMBS)(
    'rejects a $encoding bomb at the limit, without allocating the memory',
    ({ encoding, data }) => {
      const before = process.memoryUsage().arrayBuffers;

      const unpacked = unpackMime(content(encoding, data, MAX_CONTENT_BYTES));

      expect(unpacked).toMatchObject({ kind: 'unreadable', reason: 'size-mismatch' });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * MAX_CONTENT_BYTES);
    },
  );

  it.each(BOMBS)('rejects a $encoding bomb at its declared size', ({ encoding, data }) => {
    const unpacked = unpackMime(content(encoding, data, 1000));

    expect(unpacked).toMatchObject({
      reason: 'size-mismatch',
      detail: expect.stringContaining('1000 bytes'),
    });
  });

  it('rejects what unpacks to less than declared', () => {
    expect(unpackMime(content('none', Buffer.from('abc'), 4))).toMatchObject({ reason: 'size-mismatch' });
  });

  it.each(['gzip', 'zstd'] as const)('reports broken %s as corrupt', (encoding) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        expect(unpackMime(content(encoding, Buffer.from(bytes), 1000)).kind).toBe('unreadable');
      }),
    );
    const whole =
      encoding === 'gzip'
        ? gzipSync(Buffer.alloc(9000, 'mail'))
        : zstdCompressSync(Buffer.alloc(9000, 'mail'));
    expect(unpackMime(content(encoding, whole.subarray(0, -3), 9000)).kind).toBe('unreadable');
  });
});
