import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A deployed stack: its outputs, and the physical ids of its resources by their logical ones. */
export interface LocalStack {
  readonly name: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, string>>;
}

export interface LocalCloudFormation {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Answers DescribeStacks and ListStackResources for one stack, so that `mailctl` finds the local pipeline as it finds a
 * deployed one. As the endpoint of every other service it says that this service is not here.
 */
export async function startCloudFormation(stack: LocalStack): Promise<LocalCloudFormation> {
  const server = createServer(async (request, response) => {
    // A client that speaks JSON could not read XML.
    const contentType = request.headers['content-type'] ?? '';
    if (contentType.includes('json')) {
      request.resume();
      response.writeHead(400, { 'content-type': contentType });
      response.end(JSON.stringify({ __type: 'NotEmulated', message: notEmulated(targetOf(request)) }));
      return;
    }
    const { status, body } = answer(stack, await readCall(request));
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function notEmulated(action: string): string {
  return `${action || 'this call'}: the local pipeline has no such service`;
}

/** `GraniteServiceVersion20100801.DescribeAlarms` calls DescribeAlarms. */
function targetOf(request: IncomingMessage): string {
  return String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function readCall(request: IncomingMessage): Promise<URLSearchParams> {
  try {
    return new URLSearchParams(await text(request));
  } catch {
    return new URLSearchParams();
  }
}

function answer(stack: LocalStack, call: URLSearchParams): Answer {
  const action = call.get('Action') ?? '';
  if (action !== 'DescribeStacks' && action !== 'ListStackResources') {
    return refused('NotEmulated', notEmulated(action));
  }
  const name = call.get('StackName');
  if (name !== stack.name) return refused('ValidationError', `Stack with id ${name} does not exist`);
  const result = action === 'DescribeStacks' ? describedStack(stack) : listedResources(stack);
  const body = `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`;
  return { status: 200, body };
}

function describedStack({ name, outputs }: LocalStack): string {
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member>${element('OutputKey', key)}${element('OutputValue', value)}</member>`,
  );
  const stack = [
    element('StackName', name),
    element('StackStatus', 'CREATE_COMPLETE'),
    element('CreationTime', new Date().toISOString()),
    `<Outputs>${members.join('')}</Outputs>`,
  ];
  return `<Stacks><member>${stack.join('')}</member></Stacks>`;
}

function listedResources({ resources }: LocalStack): string {
  const members = Object.entries(resources).map(
    ([logicalId, physicalId]) =>
      `<member>${element('LogicalResourceId', logicalId)}${element('PhysicalResourceId', physicalId)}</member>`,
  );
  return `<StackResourceSummaries>${members.join('')}</StackResourceSummaries>`;
}

function refused(code: string, message: string): Answer {
  const error = `<Error><Type>Sender</Type>${element('Code', code)}${element('Message', message)}</Error>`;
  return { status: 400, body: `<ErrorResponse>${error}<RequestId>local</RequestId></ErrorResponse>` };
}

function element(name: string, value: string): string {
  const escaped = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<${name}>${escaped}</${name}>`;
}
