import type { buildApp } from 'fauxqs';

type Fauxqs = ReturnType<typeof buildApp>;
type Receive = { QueueUrl?: unknown; WaitTimeSeconds?: unknown };
type Received = { Messages?: readonly { ReceiptHandle: string }[] };

const LOOK_SECONDS = 0.2;

/**
 * A long poll of fauxqs does not notice that its client has gone: for up to 20 seconds, the next message goes to
 * nobody and is in flight. It also ends empty-handed when another poll was quicker. So a long poll is made of
 * short ones here, until there is a message, the time is up or the client has gone; what still comes for a client
 * that has gone is given back.
 */
export function correctLongPoll(app: Fauxqs): void {
  app.addHook('preHandler', async (request, reply) => {
    const body = receiveBody(request.body, request.headers['x-amz-target']);
    const waitSeconds = Number(body?.WaitTimeSeconds ?? 0);
    if (!body || !(waitSeconds > LOOK_SECONDS && waitSeconds <= 20)) return;
    const deadline = performance.now() + waitSeconds * 1000;
    const { socket } = request.raw;
    for (;;) {
      const look = await callSqs(app, 'ReceiveMessage', { ...body, WaitTimeSeconds: LOOK_SECONDS });
      const { Messages = [] } = look.json<Received>();
      if (socket.destroyed) {
        if (Messages.length > 0) await giveBack(app, body.QueueUrl, Messages);
        return reply.hijack();
      }
      if (Messages.length > 0 || look.statusCode !== 200 || performance.now() >= deadline) {
        return reply.code(look.statusCode).headers(look.headers).send(look.rawPayload);
      }
    }
  });
}

function receiveBody(body: unknown, target: unknown): Receive | undefined {
  if (target !== 'AmazonSQS.ReceiveMessage') return undefined;
  return typeof body === 'object' && body !== null ? body : undefined;
}

async function giveBack(
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
