import { describe, expect, it } from '@jest/globals';
import { secondsInQueue } from '../../lib/ports/queues.ts';

const NOW = new Date('2026-11-22T12:00:00.000Z');

describe('the time of a message in its queue', () => {
  it('is counted in seconds since SQS accepted it', () => {
    expect(secondsInQueue(String(NOW.getTime() - 90_500), NOW)).toBe(90.5);
  });

  it('is never negative', () => {
    expect(secondsInQueue(String(NOW.getTime() + 5_000), NOW)).toBe(0);
  });
});
