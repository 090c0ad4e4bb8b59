/** SQS takes messages up to 1 MiB, body and attributes together. */
export const MAX_QUEUE_MESSAGE_BYTES = 1024 * 1024;

/**
 * The largest message that SES accepts by any call (v2 SendEmail): 40 MB of MIME, attachments already in base64. AWS does not
 * say which megabyte it means, so the smaller one counts.
 */
export const MAX_CONTENT_BYTES = 40_000_000;

/**
 * Up to this size a mail goes by v1 SendRawEmail, which would take 10 MB. The SDK puts v1 calls into the query format,
 * and runs a regular expression over the whole message for it, which overflows the stack on some that are large; v2 is
 * also faster for those.
 */
export const SES_V1_MAX_BYTES = 1024 * 1024;

/** SES takes at most 50 recipients in one call. */
export const SES_MAX_RECIPIENTS = 50;

/** SQS keeps a message for at most 14 days, and so do the queues of the pipeline. */
export const QUEUE_RETENTION_DAYS = 14;

/**
 * How often SQS hands out a message before it moves it to the dead letters by itself; 1,000 is the most that
 * SQS allows. The retry schedule is spread so that this many tries outlast the retention of the queue.
 */
export const MAX_RECEIVE_COUNT = 1000;

/** The folder of the payload bucket that large content goes to; the API's user may write here and nowhere else. */
export const PAYLOAD_PREFIX = 'payloads/';

/** Recipients of one delivery. */
export const MAX_RECIPIENTS = 10_000;

/** What the addresses of one delivery may take of a queue message; the rest is for all that else stands in it. */
export const MAX_ADDRESSES_BYTES = 960 * 1024;

/** The header section of a message. 10,000 recipients with their names in To are well within it. */
export const MAX_HEADER_BYTES = 2 * 1024 * 1024;

/** So many soft bounces of an address are kept; no rule of the suppression list can ask for more. */
export const MAX_SOFT_BOUNCES = 20;
