import type { buildApp } from 'fauxqs';

type Fauxqs = ReturnType<typeof buildApp>;
type SqsBody = { QueueUrl?: unknown; [field: string]: unknown };

const MAX_DELAY_SECONDS = 900;

/**
 * Corrects differences between fauxqs and SQS that affect a mail pipeline:
 * - fauxqs identifies a queue by one exact URL, whose host may not resolve; here by its path, as in SQS;
 * - fauxqs accepts DelaySeconds above 15 minutes; here it is refused, of a batch only the entry, as in SQS;
 * - fauxqs drops the MessageGroupId in a standard queue (fair queues); here it is returned;
 * - fauxqs continues a long poll after its client has disconnected; see `correctLongPoll`.
 */
export function correctSqs(app: Fauxqs): void {
  const urlOfPath = new Map<string, string>();
  const groupOfMessage = new Map<string, string>();
  const refusedEntries = new WeakMap<SqsBody, readonly unknown[]>();

  app.addHook('preHandler', async (request, reply) => {
    const body = sqsBody(request.body, request.headers['x-amz-target']);
    if (!body) return;
    if (typeof body.QueueUrl === 'string') {
      body.QueueUrl = urlOfPath.get(readPath(body.QueueUrl)) ?? body.QueueUrl;
    }
    if (!Array.isArray(body.Entries)) {
      return delayIsOutOfRange(body) ? reply.code(400).send(DELAY_REFUSED) : undefined;
    }
    const refused = body.Entries.filter(delayIsOutOfRange);
    // fauxqs refuses this body, entry by entry; the reason is put right in its answer.
    for (const entry of refused) entry.MessageBody = '\uffff';
    refusedEntries.set(
      body,
      refused.map(({ Id }) => Id),
    );
  });

  correctLongPoll(app);

  app.addHook('preSerialization', async (request, _reply, payload) => {
    const body = sqsBody(request.body, request.headers['x-amz-target']);
    if (!body || typeof payload !== 'object' || payload === null) return payload;
    if ('QueueUrl' in payload && typeof payload.QueueUrl === 'string') {
      const path = readPath(payload.QueueUrl);
      urlOfPath.set(path, payload.QueueUrl);
      return { ...payload, QueueUrl: `http://${request.headers.host}${path}` };
    }
    rememberGroups(body, payload, groupOfMessage);
    if ('Failed' in payload && Array.isArray(payload.Failed)) {
      const refused = refusedEntries.get(body) ?? [];
      return {
        ...payload,
        Failed: payload.Failed.map((entry) => (refused.includes(entry.Id) ? { ...entry, ...REASON } : entry)),
      };
    }
    if (!('Messages' in payload) || !Array.isArray(payload.Messages)) return payload;
    const messages: ReceivedMessage[] = payload.Messages;
    return { ...payload, Messages: messages.map((message) => withGroup(message, body, groupOfMessage)) };
  });
}

const PRECONDITION_FAILED =
  '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>PreconditionFailed</Code>' +
  '<Message>At least one of the pre-conditions you specified did not hold</Message>' +
  '<Condition>If-None-Match</Condition></Error>';

/**
 * fauxqs overwrites an object in spite of `If-None-Match: *`; S3 refuses that.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function correctS3(app: Fauxqs): void {
  app.addHook('preHandler', async ({ method, url, headers }, reply) => {
    if (method !== 'PUT' || headers['if-none-match'] !== '*') return;
    const present = await app.inject({
      method: 'HEAD',
      url: url.split('?')[0] ?? url,
      headers: { host: headers.host },
    });
    if (present.statusCode !== 200) return;
    return reply.code(412).header('content-type', 'application/xml').send(PRECONDITION_FAILED);
  });
}

type ReceivedMessage = {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Attributes?: Record<string, string>;
};

const DELAY_OUT_OF_RANGE = `Value for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= ${MAX_DELAY_SECONDS}.`;

const DELAY_REFUSED = {
  __type: 'com.amazonaws.sqs#InvalidParameterValue',
  message: DELAY_OUT_OF_RANGE,
};

const REASON = { Code: 'InvalidParameterValue', Message: DELAY_OUT_OF_RANGE };

function sqsBody(body: unknown, target: unknown): SqsBody | undefined {
  if (typeof target !== 'string' || !target.startsWith('AmazonSQS.')) return undefined;
  return typeof body === 'object' && body !== null ? (body as SqsBody) : undefined;
}

function readPath(queueUrl: string): string {
  return URL.canParse(queueUrl) ? new URL(queueUrl).pathname : queueUrl;
}

/** The messages of a SendMessageBatch, or the one message of a SendMessage. */
function readEntries(body: SqsBody): readonly SqsBody[] {
  return Array.isArray(body.Entries) ? body.Entries : [body];
}

function delayIsOutOfRange(entry: SqsBody): boolean {
  const delaySeconds = Number(entry.DelaySeconds ?? 0);
  return delaySeconds < 0 || delaySeconds > MAX_DELAY_SECONDS;
}

function rememberGroups(body: SqsBody, payload: object, groupOfMessage: Map<string, string>): void {
  const sent: { Id?: unknown; MessageId?: unknown }[] =
    'Successful' in payload && Array.isArray(payload.Successful) ? payload.Successful : [payload];
  for (const { Id, MessageId } of sent) {
    const group = readEntries(body).find((entry) => entry.Id === Id)?.MessageGroupId;
    if (typeof group === 'string' && typeof MessageId === 'string') groupOfMessage.set(MessageId, group);
  }
}

function withGroup(
  message: ReceivedMessage,
  body: SqsBody,
  groupOfMessage: Map<string, string>,
): ReceivedMessage {
  const wanted = [body.MessageSystemAttributeNames, body.AttributeNames].flat();
  const group = groupOfMessage.get(message.MessageId);
  if (group === undefined || !(wanted.includes('All') || wanted.includes('MessageGroupId'))) return message;
  return { ...message, Attributes: { ...message.Attributes, MessageGroupId: group } };
}

type Receive = { QueueUrl?: unknown; WaitTimeSeconds?: unknown };
type Received = { Messages?: readonly { ReceiptHandle: string }[] };

const SHORT_POLL_SECONDS = 0.2;

/**
 * A fauxqs long poll does not notice that its client has disconnected: for up to 20 seconds, it still
 * receives the next message, which then stays in flight. It also returns nothing if
 * another poll was faster. So a long poll is replaced by short polls until there is a message, the time is up
 * or the client has disconnected; messages received for a disconnected client are released.
 */
function correctLongPoll(app: Fauxqs): void {
  app.addHook('preHandler', async (request, reply) => {
    const body = receiveBody(request.body, request.headers['x-amz-target']);
    const waitSeconds = Number(body?.WaitTimeSeconds ?? 0);
    if (!body || !(waitSeconds > SHORT_POLL_SECONDS && waitSeconds <= 20)) return;
    const deadline = performance.now() + waitSeconds * 1000;
    const { socket } = request.raw;
    for (;;) {
      const poll = await callSqs(app, 'ReceiveMessage', { ...body, WaitTimeSeconds: SHORT_POLL_SECONDS });
      const { Messages = [] } = poll.json<Received>();
      if (socket.destroyed) {
        if (Messages.length > 0) await release(app, body.QueueUrl, Messages);
        return reply.hijack();
      }
      if (Messages.length > 0 || poll.statusCode !== 200 || performance.now() >= deadline) {
        return reply.code(poll.statusCode).headers(poll.headers).send(poll.rawPayload);
      }
    }
  });
}

function receiveBody(body: unknown, target: unknown): Receive | undefined {
  if (target !== 'AmazonSQS.ReceiveMessage') return undefined;
  return typeof body === 'object' && body !== null ? body : undefined;
}

async function release(
  app: Fauxqs,
  queueUrl: unknown,
  messages: readonly { ReceiptHandle: string }[],
): Promise<void> {
  await callSqs(app, 'ChangeMessageVisibilityBatch', {
    QueueUrl: queueUrl,
    Entries: messages.map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: 0,
    })),
  });
}

function callSqs(app: Fauxqs, action: string, body: object) {
  return app.inject({
    method: 'POST',
    url: '/',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
    payload: JSON.stringify(body),
  });
}
