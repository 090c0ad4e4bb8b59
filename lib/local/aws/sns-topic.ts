import type { buildApp } from 'fauxqs';

type Fauxqs = ReturnType<typeof buildApp>;

/** A topic with one queue behind it. */
export type LocalTopic = {
  readonly arn: string;
  /** Resolves when the text is in the queue. */
  publish(text: string): Promise<void>;
};

/**
 * Creates a topic that hands what it is given to a queue, raw: the body of the message is the text itself, as with
 * `RawMessageDelivery`. It stands behind no fault: the hop from SES through SNS to SQS is AWS's own, and AWS tries
 * until it succeeds.
 */
export async function createSnsTopic(
  app: Fauxqs,
  name: string,
  subscriber: { readonly arn: string },
): Promise<LocalTopic> {
  const created = await callSns(app, 'CreateTopic', { Name: name });
  const arn = /<TopicArn>([^<]+)</.exec(created)?.[1];
  if (arn === undefined) throw new Error('SNS gave the topic no ARN');
  await callSns(app, 'Subscribe', {
    TopicArn: arn,
    Protocol: 'sqs',
    Endpoint: subscriber.arn,
    'Attributes.entry.1.key': 'RawMessageDelivery',
    'Attributes.entry.1.value': 'true',
  });
  return {
    arn,
    publish: async (text) => {
      await callSns(app, 'Publish', { TopicArn: arn, Message: text });
    },
  };
}

/** A call of the query protocol, made without a connection: nothing of it is left when the server closes. */
async function callSns(
  app: Fauxqs,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({ Action: action, Version: '2010-03-31', ...parameters }).toString(),
  });
  if (answer.statusCode !== 200) {
    const code = /<Code>([^<]+)</.exec(answer.payload)?.[1] ?? 'no code';
    throw new Error(`SNS refused ${action}: ${answer.statusCode} ${code}`);
  }
  return answer.payload;
}
