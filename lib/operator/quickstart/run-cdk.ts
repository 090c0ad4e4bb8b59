import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { OperatorError } from '../operator-error.ts';
import { done, type OpenStep, type QuickstartContext, type StepOutcome, stopped } from './quickstart-step.ts';

/** What both streams of the CDK go to: its output is no result of this command. */
const STANDARD_ERROR = 2;

/** The command as a person would type it. */
export function cdkCommand({ options }: QuickstartContext, args: readonly string[]): readonly string[] {
  const profile = options.profile === undefined ? [] : ['--profile', options.profile];
  return [...options.cdk.trim().split(/\s+/), ...args, ...profile];
}

/** Asks, runs the CDK, and passes its output through. Ctrl-C ends it; CloudFormation goes on with what it has begun. */
export async function askAndRunCdk(
  context: QuickstartContext,
  args: readonly string[],
  before: OpenStep,
): Promise<StepOutcome> {
  const command = cdkCommand(context, args);
  const line = command.join(' ');
  if (!(await context.terminal.confirm(`Run "${line}"?`))) return stopped(before);
  context.terminal.note(`$ ${line}`);
  const end = await run(command, context);
  context.signal.throwIfAborted();
  if (end === 0) return done(`"${line}" has succeeded`);
  const how = typeof end === 'number' ? `ended with ${end}` : `could not be run: ${end}`;
  const mend =
    'see its words above; run this where cdk.json is, after npm ci, and then mailctl quickstart again';
  throw new OperatorError('CDK_FAILED', `"${line}" ${how}`, mend);
}

/** @returns its exit code, or why it has none */
async function run([program = '', ...args]: readonly string[], { env, signal }: QuickstartContext) {
  const child = spawn(program, args, {
    env,
    stdio: ['inherit', STANDARD_ERROR, STANDARD_ERROR],
  });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const [code, killedBy] = await once(child, 'close');
    return typeof code === 'number' ? code : String(killedBy);
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error
      ? String(error.code)
      : String(error);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
