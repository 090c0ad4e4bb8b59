/** SQS accepts messages up to 1 MiB, body and attributes together. */
export const MAX_QUEUE_MESSAGE_BYTES = 1024 * 1024;

/**
 * The largest message that SES accepts by any call (v2 SendEmail): 40 MB of MIME, attachments already in
 * base64. AWS does not say which megabyte it means, so the smaller one counts.
 */
export const MAX_CONTENT_BYTES = 40_000_000;

/**
 * Up to this size a mail is sent by v1 SendRawEmail, which accepts 10 MB. For v1's query format the SDK runs
 * a regular expression over the whole message, which overflows the stack on some large ones; v2 is also
 * faster for those.
 */
export const SES_V1_MAX_BYTES = 1024 * 1024;

/**
 * Maximum parts of a message that is composed here. SES and SMTP limit only its size, but a part takes 0.1 ms
 * to compose, whatever its size: without a limit, 40 MB of tiny ones would hold up all other mail for a minute.
 */
export const MAX_COMPOSED_PARTS = 1_000;

/** SES accepts at most 50 recipients per call. */
export const SES_MAX_RECIPIENTS = 50;

/** The maximum retention of SQS, used by all queues of the pipeline. */
export const QUEUE_RETENTION_DAYS = 14;

/**
 * How often SQS delivers a message before the redrive policy moves it to the dead-letter queue; 1,000 is the
 * SQS maximum. The retry schedule is spread so that this many attempts outlast the queue's retention.
 */
export const MAX_RECEIVE_COUNT = 1000;

/** Key prefix for large content in the payload bucket; the API's user may write only here. */
export const PAYLOAD_PREFIX = 'payloads/';

/** Maximum recipients of one delivery. */
export const MAX_RECIPIENTS = 10_000;

/** Maximum bytes for the addresses of one delivery in a queue message; the rest is for its other fields. */
export const MAX_ADDRESSES_BYTES = 960 * 1024;

/** Maximum header section of a message; 10,000 recipients with names in To fit easily. */
export const MAX_HEADER_BYTES = 2 * 1024 * 1024;

/** Soft bounces kept per address; no suppression rule can require more. */
export const MAX_SOFT_BOUNCES = 20;
