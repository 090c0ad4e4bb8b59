/**
 * Runs in the child process instead of Lambda's runtime: loads `index.mjs` from the folder in the first
 * argument, and calls its `handler` for each invocation sent by the host.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BootstrapReport, Invocation, LambdaError } from './invocation.ts';

type Context = {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly awsRequestId: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  callbackWaitsForEmptyEventLoop: boolean;
  getRemainingTimeInMillis(): number;
};
type Handler = (event: unknown, context: Context) => unknown;

const [bundleDirectory = ''] = process.argv.splice(1);
const report = hostChannel();
// Exit when the host is gone.
process.on('disconnect', () => process.exit());
const handler = await loadHandler();
process.on('message', (invocation: Invocation) => void run(invocation));
report({ kind: 'ready' });

/** The channel to the host, removed from `process` so that a handler cannot use it. */
function hostChannel(): (message: BootstrapReport) => void {
  const send = process.send?.bind(process);
  delete process.send;
  return (message) => send?.(message);
}

async function loadHandler(): Promise<Handler> {
  const bundle: { readonly handler?: unknown } = await import(
    pathToFileURL(join(bundleDirectory, 'index.mjs')).href
  );
  if (typeof bundle.handler !== 'function')
    throw new Error('Runtime.HandlerNotFound: index.handler is undefined');
  return bundle.handler as Handler;
}

async function run(invocation: Invocation): Promise<void> {
  const { requestId } = invocation;
  try {
    const answer = await handler(JSON.parse(invocation.event), createContext(invocation));
    report({ kind: 'answered', requestId, answer: JSON.stringify(answer) ?? 'null' });
  } catch (thrown) {
    const error = lambdaError(thrown);
    process.stdout.write(
      `${new Date().toISOString()}\t${requestId}\tERROR\tInvoke Error \t${JSON.stringify(error)}\n`,
    );
    report({ kind: 'threw', requestId, error });
  }
}

function createContext(invocation: Invocation): Context {
  return {
    functionName: invocation.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: invocation.functionArn,
    memoryLimitInMB: String(invocation.memoryLimitMb),
    awsRequestId: invocation.requestId,
    logGroupName: `/aws/lambda/${invocation.functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadlineMs - Date.now()),
  };
}

function lambdaError(thrown: unknown): LambdaError {
  if (!(thrown instanceof Error))
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  return { errorType: thrown.name, errorMessage: thrown.message, trace: thrown.stack?.split('\n') ?? [] };
}
