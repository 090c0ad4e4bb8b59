import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSMessageAttribute, SQSRecord, SQSRecordAttributes } from 'aws-lambda';

/** Lambda takes events of up to 6 MB. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;

/** Where the messages come from, as their records say. */
export type EventSource = { readonly queueArn: string; readonly region: string };

/**
 * The messages as events in the form in which Lambda hands them to a handler, JSON. More than one when they do not
 * fit into one.
 */
export function sqsEvents(messages: readonly Message[], source: EventSource): readonly SQSEvent[] {
  const events: SQSRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const record = sqsRecord(message, source);
    const size = Buffer.byteLength(JSON.stringify(record)) + 1;
    if (bytes + size > MAX_EVENT_BYTES) {
      events.push([]);
      bytes = JSON.stringify({ Records: [] }).length;
    }
    events.at(-1)?.push(record);
    bytes += size;
  }
  return events.map((Records) => ({ Records }));
}

function sqsRecord(message: Message, source: EventSource): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    // What SQS is asked for with `All`; the type of the SDK has each of them optional.
    attributes: { ...message.Attributes } as SQSRecordAttributes,
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, messageAttribute(value)]),
    ),
    ...(message.MD5OfMessageAttributes ? { md5OfMessageAttributes: message.MD5OfMessageAttributes } : {}),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: source.queueArn,
    awsRegion: source.region,
  };
}

function messageAttribute(value: MessageAttributeValue): SQSMessageAttribute {
  return {
    ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
    ...(value.BinaryValue === undefined
      ? {}
      : { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
    stringListValues: [],
    binaryListValues: [],
    dataType: value.DataType ?? 'String',
  };
}
