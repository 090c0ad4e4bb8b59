import { describe, expect, it } from '@jest/globals';
import { sqsEvents } from '../../../lib/emulators/lambda/sqs-event-source.ts';

const source = { queueArn: 'arn:aws:sqs:eu-west-1:000000000000:fallback', region: 'eu-west-1' };

describe('the events of SQS messages', () => {
  it('are none without messages', () => {
    expect(sqsEvents([], source)).toEqual([]);
  });

  it('have binary attributes in base64', () => {
    const [event] = sqsEvents(
      [
        {
          MessageId: 'a',
          MessageAttributes: { bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(1, 2, 255) } },
        },
      ],
      source,
    );
    expect(event?.Records[0]?.messageAttributes).toEqual({
      bytes: { dataType: 'Binary', binaryValue: 'AQL/', stringListValues: [], binaryListValues: [] },
    });
  });

  it('stay under the 6 MB limit of Lambda', () => {
    const messages = Array.from({ length: 10 }, (_, index) => ({
      MessageId: String(index),
      Body: 'x'.repeat(1024 * 1024),
    }));
    const events = sqsEvents(messages, source);
    expect(events.map(({ Records }) => Records.length)).toEqual([5, 5]);
    for (const event of events) expect(JSON.stringify(event).length).toBeLessThanOrEqual(6 * 1024 * 1024);
    expect(events.flatMap(({ Records }) => Records.map(({ messageId }) => messageId))).toEqual(
      messages.map(({ MessageId }) => MessageId),
    );
  });
});
