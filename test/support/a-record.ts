import { randomUUID } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import { type FallbackMessage, serialiseFallbackMessage } from '../../lib/domain/fallback-message.ts';

/** An SQS record as Lambda receives it; a test overrides only what it is about. */
export function aRecord(body: string, attributes: Partial<SQSRecord['attributes']> = {}): SQSRecord {
  return {
    messageId: randomUUID(),
    receiptHandle: `handle-${randomUUID()}`,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(Date.now()),
      SenderId: 'AIDAEXAMPLE',
      ApproximateFirstReceiveTimestamp: String(Date.now()),
      ...attributes,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:fallback',
    awsRegion: 'eu-west-1',
  };
}

export function aRecordOf(
  message: FallbackMessage,
  attributes: Partial<SQSRecord['attributes']> = {},
): SQSRecord {
  return aRecord(serialiseFallbackMessage(message), attributes);
}
