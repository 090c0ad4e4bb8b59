import type { FinishedInvocation } from '../../../lib/emulators/lambda/invocation.ts';
import type { Observe } from './collector.ts';

/**
 * AWS/Lambda, from the invocations of the local hosts. These are never throttled.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 *
 * @param deployedName the name of the function where it is deployed
 */
export function collectInvocation(
  { startedAt, durationMs, failed, concurrent }: FinishedInvocation,
  deployedName: string,
  observe: Observe,
): void {
  const report = (name: string, value: number, unit: string) =>
    observe({
      namespace: 'AWS/Lambda',
      name,
      dimensions: { FunctionName: deployedName },
      at: startedAt.getTime(),
      values: [value],
      unit,
    });
  report('Invocations', 1, 'Count');
  report('Errors', failed ? 1 : 0, 'Count');
  report('Throttles', 0, 'Count');
  report('Duration', durationMs, 'Milliseconds');
  report('ConcurrentExecutions', concurrent, 'Count');
}
