import { randomUUID } from 'node:crypto';
import type { ScheduledEvent } from 'aws-lambda';
import { type FinishedInvocation, type InvocationOutcome, InvocationRecorder } from './invocation.ts';
import { LambdaProcess, lambdaEnvironment } from './lambda-process.ts';

export interface ScheduledFunctionOptions {
  readonly functionName: string;
  /** A folder with an `index.mjs` that exports `handler`. */
  readonly bundleDirectory: string;
  /** The variables of the function; they stand beside those that Lambda sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** @default eu-west-1 */
  readonly region?: string;
  /** @default 256 */
  readonly memoryLimitMb?: number;
  /** What the function writes to stdout and stderr, line by line. */
  readonly onLogLine?: (line: string) => void;
  /** Called with each invocation that has ended. */
  readonly onInvocation?: (invocation: FinishedInvocation) => void;
}

const ACCOUNT = '000000000000';

/** A function that a schedule of EventBridge calls. Nothing is due by itself here: whoever holds it says when. */
export class ScheduledFunction {
  readonly #options: ScheduledFunctionOptions;
  readonly #region: string;
  #process: LambdaProcess | undefined;

  constructor(options: ScheduledFunctionOptions) {
    this.#options = options;
    this.#region = options.region ?? 'eu-west-1';
  }

  /**
   * Runs the handler once, in the process of the last time where that lives; never two at a time.
   *
   * @param at when the rule was due
   */
  async invoke(at = new Date()): Promise<InvocationOutcome> {
    const { functionName, timeoutSeconds, memoryLimitMb = 256, onInvocation } = this.#options;
    const process = this.#warmProcess(memoryLimitMb);
    const watch = new InvocationRecorder(() => 1);
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
      () => watch.begin(),
    );
    onInvocation?.(watch.end(outcome));
    return outcome;
  }

  /** Kills the process. All that it wrote has been told by then, as after `invoke` it may not have been yet. */
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

/** Where the rule is. */
interface RuleSource {
  readonly region: string;
  readonly account: string;
  readonly ruleName: string;
}

/**
 * What EventBridge hands to a function when a rule with a schedule is due:
 * https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html
 */
function scheduledEvent(at: Date, { region, account, ruleName }: RuleSource): ScheduledEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    // Whole seconds.
    time: at.toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [`arn:aws:events:${region}:${account}:rule/${ruleName}`],
    detail: {},
  };
}
