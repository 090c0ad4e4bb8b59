/** The longest that SQS keeps a message back by its visibility: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
const LONGEST_POSTPONEMENT_SECONDS = 11 * 60 * 60;

/** Whole seconds, at least one: a message that comes back too early has to wait again. */
export function secondsUntil(moment: Date, now: Date): number {
  const seconds = Math.ceil((moment.getTime() - now.getTime()) / 1000);
  return Math.min(Math.max(seconds, 1), LONGEST_POSTPONEMENT_SECONDS);
}
