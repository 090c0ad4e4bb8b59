/**
 * How long SQS has kept a message, in seconds; never negative, whatever the clocks say.
 *
 * @param sentTimestamp the attribute `SentTimestamp`: milliseconds since 1970
 */
export function secondsInQueue(sentTimestamp: string, now: Date): number {
  return Math.max((now.getTime() - Number(sentTimestamp)) / 1000, 0);
}
