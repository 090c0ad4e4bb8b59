import type { FinishedInvocation } from '../../../lib/emulators/lambda/invocation.ts';
import type { Observe } from './collector.ts';

/**
 * AWS/Lambda, from the invocations of the local hosts. These are never throttled.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 *
 * @param deployedName as the function is called where it is deployed
 */
export function collectInvocation(
  { startedAt, durationMs, failed, concurrent }: FinishedInvocation,
  deployedName: string,
  observe: Observe,
): void {
  const tell = (name: string, value: number, unit: string) =>
    observe({
      namespace: 'AWS/Lambda',
      name,
      dimensions: { FunctionName: deployedName },
      at: startedAt.getTime(),
      values: [value],
      unit,
    });
  tell('Invocations', 1, 'Count');
  tell('Errors', failed ? 1 : 0, 'Count');
  tell('Throttles', 0, 'Count');
  tell('Duration', durationMs, 'Milliseconds');
  tell('ConcurrentExecutions', concurrent, 'Count');
}
