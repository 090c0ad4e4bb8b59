/** What no test machine knows; the page docs/simulation.md prints these. */
export const ASSUMED = {
  /** One request, from the function's point of view. */
  sesMs: 80,
  dynamoDbMs: 8,
  sqsMs: 15,
  /** A call reaches SES after this, and after up to as much again. */
  toSesMs: 10,
  /** Above this SQS hands out nothing new. */
  maxInFlight: 120_000,
  /** After so many receives SQS moves a message to the back of the queue. */
  receivesToBack: 3,
  /** Functions of the queues of urgent and of held mail. */
  otherConcurrency: 2,
  /** After its creation, if the API sets no other time. */
  expiryDays: 4,
} as const;
