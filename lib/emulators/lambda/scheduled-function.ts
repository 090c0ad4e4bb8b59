import { randomUUID } from 'node:crypto';
import type { ScheduledEvent } from 'aws-lambda';
import { type FinishedInvocation, type InvocationOutcome, InvocationRecorder } from './invocation.ts';
import { LambdaProcess, lambdaEnvironment } from './lambda-process.ts';

export interface ScheduledFunctionOptions {
  readonly functionName: string;
  /** A folder with an `index.mjs` that exports `handler`. */
  readonly bundleDirectory: string;
  /** Environment variables of the function, in addition to those that Lambda sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** @default eu-west-1 */
  readonly region?: string;
  /** @default 256 */
  readonly memoryLimitMb?: number;
  /** Called with each line that the function writes to stdout or stderr. */
  readonly onLogLine?: (line: string) => void;
  /** Called with each finished invocation. */
  readonly onInvocation?: (invocation: FinishedInvocation) => void;
}

const ACCOUNT = '000000000000';

/** A function with an EventBridge schedule. Here the caller decides when it runs. */
export class ScheduledFunction {
  readonly #options: ScheduledFunctionOptions;
  readonly #region: string;
  #process: LambdaProcess | undefined;

  constructor(options: ScheduledFunctionOptions) {
    this.#options = options;
    this.#region = options.region ?? 'eu-west-1';
  }

  /**
   * Runs the handler once, in the previous process if that is alive; never call it concurrently.
   *
   * @param at when the rule was due
   */
  async invoke(at = new Date()): Promise<InvocationOutcome> {
    const { functionName, timeoutSeconds, memoryLimitMb = 256, onInvocation } = this.#options;
    const process = this.#warmProcess(memoryLimitMb);
    const recorder = new InvocationRecorder(() => 1);
    const source = { region: this.#region, account: ACCOUNT, ruleName: functionName };
    const outcome = await process.invoke(
      {
        requestId: randomUUID(),
        event: JSON.stringify(scheduledEvent(at, source)),
        functionName,
        functionArn: `arn:aws:lambda:${this.#region}:${ACCOUNT}:function:${functionName}`,
        memoryLimitMb,
      },
      timeoutSeconds * 1000,
      () => recorder.begin(),
    );
    onInvocation?.(recorder.end(outcome));
    return outcome;
  }

  /** Kills the process. Then all its log lines were reported, which `invoke` does not guarantee. */
  async close(): Promise<void> {
    await this.#process?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #warmProcess(memoryLimitMb: number): LambdaProcess {
    if (this.#process?.alive) return this.#process;
    const { functionName: name, bundleDirectory, environment, onLogLine } = this.#options;
    this.#process = new LambdaProcess(
      bundleDirectory,
      lambdaEnvironment({ name, region: this.#region, memoryLimitMb, bundleDirectory }, environment),
      onLogLine ?? (() => {}),
    );
    return this.#process;
  }
}

interface RuleSource {
  readonly region: string;
  readonly account: string;
  readonly ruleName: string;
}

/**
 * The event that EventBridge sends when a scheduled rule is due:
 * https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
 */
function scheduledEvent(at: Date, { region, account, ruleName }: RuleSource): ScheduledEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    time: at.toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [`arn:aws:events:${region}:${account}:rule/${ruleName}`],
    detail: {},
  };
}
