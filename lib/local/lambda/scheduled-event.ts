import { randomUUID } from 'node:crypto';
import type { ScheduledEvent } from 'aws-lambda';

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
export function scheduledEvent(at: Date, { region, account, ruleName }: RuleSource): ScheduledEvent {
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
