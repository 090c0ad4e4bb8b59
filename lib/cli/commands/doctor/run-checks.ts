import { untilAborted } from '../../../common/async.ts';
import { describeFailure, lookFurther } from '../../describe-failure.ts';
import type { DoctorContext } from './check.ts';
import { type Check, type CheckGroup, type CheckResult, fail, skipped } from './check.ts';

export interface RunOptions {
  /** For each check. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called after each check, with those that still run. */
  readonly onProgress: (running: readonly Check[]) => void;
}

export interface CheckReport {
  readonly group: CheckGroup;
  readonly name: string;
  readonly result: CheckResult;
}

const SIGNED_OUT = [
  'CredentialsProviderError',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException',
];

/**
 * Runs all checks concurrently. A check that throws or times out fails, without affecting the others.
 *
 * @returns the reports in the order of the checks
 * @throws the signal's reason, once it aborts
 */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  options: RunOptions,
): Promise<CheckReport[]> {
  const running = new Set(checks);
  return Promise.all(
    checks.map(async (check) => {
      const result = await runCheck(check, context, options);
      running.delete(check);
      options.onProgress([...running]);
      return { group: check.group, name: check.name, result };
    }),
  );
}

async function runCheck(
  check: Check,
  context: DoctorContext,
  { timeoutMs, signal }: RunOptions,
): Promise<CheckResult> {
  const ended = new AbortController();
  const combined = AbortSignal.any([signal, ended.signal]);
  const timer = setTimeout(() => ended.abort(new Error('the time of the check is over')), timeoutMs);
  try {
    return await untilAborted(check.run(context, combined), combined);
  } catch (error) {
    signal.throwIfAborted();
    if (ended.signal.aborted) return outOfTime(check, context, timeoutMs);
    return couldNotBeChecked(error, check, context);
  } finally {
    clearTimeout(timer);
    // Abort calls that the check left running.
    ended.abort(new Error('the check is over'));
  }
}

function outOfTime({ group }: Check, { commands }: DoctorContext, timeoutMs: number): CheckResult {
  const again = commands.mailctl(`doctor --only ${group} --timeout 60`);
  return fail(
    `could not be checked: no answer within ${timeoutMs / 1000} s`,
    `check the network from here; ${again} waits longer`,
  );
}

async function couldNotBeChecked(error: unknown, check: Check, context: DoctorContext): Promise<CheckResult> {
  const { commands } = context;
  const { code, message, fix } = describeFailure(error, commands);
  // Without credentials every AWS call fails: report that once.
  if (SIGNED_OUT.includes(code) && check.group !== 'account' && (await isSignedOut(context))) {
    return skipped('AWS does not take the credentials: see account');
  }
  const again = `try again in a minute: ${commands.mailctl(`doctor --only ${check.group}`)}`;
  return fail(`could not be checked: ${message} (${code})`, fix === lookFurther(commands) ? again : fix);
}

async function isSignedOut({ lookups }: DoctorContext): Promise<boolean> {
  try {
    await lookups.caller();
    return false;
  } catch (error) {
    return SIGNED_OUT.includes(describeFailure(error).code);
  }
}
