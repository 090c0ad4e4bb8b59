import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readRequestBody } from '../../../lib/emulators/ses/http-exchange.ts';
import { Recorder, type WaitOptions } from '../../../lib/emulators/ses/recorder.ts';
import { type AccountAnswer, errorAnswer, outputAnswer } from './account-answer.ts';
import { type AccountCall, readCall } from './account-call.ts';
import { type AccountCalls, type AccountFaultRule, AccountFaults, concerns } from './account-fault.ts';
import { AwsAccount } from './aws-account.ts';
import { faultError } from './fault-error.ts';

/** A call that arrived, each attempt of the SDK separately. */
interface AccountCallRecord {
  /** As in the names of permissions, such as `cloudformation`. */
  readonly service: string;
  readonly action: string;
  readonly region: string;
}

export interface AwsAccountDoubleOptions {
  /** @default an empty one */
  readonly account?: AwsAccount;
}

/** A running double. */
export interface AwsAccountDouble {
  /** The endpoint for the clients of all its services. */
  readonly url: string;
  /** The content of the account, which may be changed at any time. */
  readonly account: AwsAccount;
  /** The environment that points a process at the double: endpoints by service, a Region and a key. */
  readonly environment: Readonly<Record<string, string>>;
  /** The calls so far. Each is recorded before its response. */
  readonly calls: readonly AccountCallRecord[];
  callsOf(calls: AccountCalls): number;
  /** Resolves with the first matching call, past or future. */
  waitForCall(calls: AccountCalls, options?: WaitOptions): Promise<AccountCallRecord>;
  /** Lets calls fail, until `times` is used up or `heal`. Earlier rules take precedence over later ones. */
  fault(rule: AccountFaultRule): void;
  /** Ends all faults. Calls that wait without a response continue to wait. */
  heal(): void;
  /** Ends all connections, including those with calls in progress. */
  close(): Promise<void>;
}

const MAX_REQUEST_BYTES = 1024 * 1024;

/**
 * Starts, on 127.0.0.1, the parts of an AWS account that the operator's commands call: STS, CloudFormation,
 * IAM, Secrets Manager, CloudWatch's alarms and metrics, SNS's topics and Lambda's configuration, each in the
 * protocol of its client. Unsupported calls are rejected, by name.
 */
export async function startAwsAccount(options: AwsAccountDoubleOptions = {}): Promise<AwsAccountDouble> {
  const { account = new AwsAccount() } = options;
  const faults = new AccountFaults();
  const calls = new Recorder<AccountCallRecord>('call');
  const server = createServer((request, response) => {
    // A client may disconnect at any moment, which is no error of the double.
    response.on('error', () => {});
    serve(request, response, { account, faults, calls }).catch(() => request.socket.destroy());
  });
  const url = await listen(server);
  return {
    url,
    account,
    environment: environmentFor(url, account.region),
    calls: calls.entries,
    callsOf: (filter) => calls.entries.filter((call) => concerns(filter, call)).length,
    waitForCall: (filter, wait) => calls.waitFor((call) => concerns(filter, call), wait),
    fault: (rule) => faults.add(rule),
    heal: () => faults.heal(),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      calls.end();
    },
  };
}

interface Workings {
  readonly account: AwsAccount;
  readonly faults: AccountFaults;
  readonly calls: Recorder<AccountCallRecord>;
}

async function serve(request: IncomingMessage, response: ServerResponse, workings: Workings): Promise<void> {
  const body = await readRequestBody(request, MAX_REQUEST_BYTES);
  if (body.kind !== 'whole') return void request.socket.destroy();
  const { method = '', url = '/', headers } = request;
  const call = readCall({ method, url, headers, body: body.bytes });
  const ending = call.kind === 'call' ? decide(call, workings) : unsupportedAnswer(call);
  if (ending === 'silence') return;
  if (ending === 'reset') return void request.socket.resetAndDestroy();
  response.writeHead(ending.status, {
    ...ending.headers,
    'content-length': Buffer.byteLength(ending.body),
  });
  response.end(ending.body);
}

function decide(
  { service, region, action, input }: Extract<AccountCall, { kind: 'call' }>,
  { account, faults, calls }: Workings,
): AccountAnswer | 'silence' | 'reset' {
  const { name, protocol, isGlobal, operations } = service;
  calls.add({ service: name, action, region });
  const fault = faults.next({ service: name, action });
  if (fault?.kind === 'silence' || fault?.kind === 'reset') return fault.kind;
  if (fault !== undefined)
    return errorAnswer(protocol, faultError(fault, service, action, account.caller.arn));
  const perform = Object.hasOwn(operations, action) ? operations[action] : undefined;
  if (perform === undefined) {
    const message = `The double does not know ${name}:${action || 'this call'}.`;
    return errorAnswer(protocol, { code: 'UnknownOperationException', message, status: 404 });
  }
  const result = perform(isGlobal ? account : account.seenIn(region), input);
  if (result.kind === 'refused') return errorAnswer(protocol, result.error);
  return outputAnswer(protocol, action, result.output);
}

/** In JSON, which the client may not be able to parse: its protocol is unknown. */
function unsupportedAnswer(call: Exclude<AccountCall, { kind: 'call' }>): AccountAnswer {
  if (call.kind === 'unsigned') {
    const message = 'Request is missing Authentication Token';
    return errorAnswer(
      { kind: 'rest-json' },
      { code: 'MissingAuthenticationTokenException', message, status: 403 },
    );
  }
  const message = `The double does not know the service ${call.signedFor}.`;
  return errorAnswer({ kind: 'rest-json' }, { code: 'UnknownOperationException', message, status: 404 });
}

async function listen(server: Server): Promise<string> {
  // An idle connection must not be closed while a client is about to reuse it.
  server.keepAliveTimeout = 10 * 60 * 1000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html */
const ENDPOINT_VARIABLES = [
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_CLOUDFORMATION',
  'AWS_ENDPOINT_URL_IAM',
  'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  'AWS_ENDPOINT_URL_CLOUDWATCH',
  'AWS_ENDPOINT_URL_SNS',
  'AWS_ENDPOINT_URL_LAMBDA',
];

function environmentFor(url: string, region: string): Record<string, string> {
  return {
    ...Object.fromEntries(ENDPOINT_VARIABLES.map((name) => [name, url])),
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
}
