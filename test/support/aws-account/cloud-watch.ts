import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { Alarm, AwsAccount } from './aws-account.ts';
import { GET_METRIC_DATA } from './get-metric-data.ts';
import { GET_METRIC_STATISTICS } from './get-metric-statistics.ts';
import { pageOf } from './page-of.ts';
import { PUT_METRIC_DATA } from './put-metric-data.ts';
import { SET_ALARM_STATE } from './set-alarm-state.ts';

const PAGE_SIZE = 50;

const describeInput = v.object({
  AlarmNames: v.optional(v.pipe(v.array(v.string()), v.maxLength(100))),
  AlarmNamePrefix: v.optional(v.string()),
  AlarmTypes: v.optional(v.array(v.picklist(['MetricAlarm', 'CompositeAlarm']))),
  StateValue: v.optional(v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA'])),
  ActionPrefix: v.optional(v.string()),
  MaxRecords: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100))),
  NextToken: v.optional(v.string()),
});

type DescribeInput = v.InferOutput<typeof describeInput>;

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html */
export const CLOUD_WATCH: Readonly<Record<string, Operation>> = {
  DescribeAlarms: operation(describeInput, 'ValidationException', describeAlarms),
  SetAlarmState: SET_ALARM_STATE,
  PutMetricData: PUT_METRIC_DATA,
  GetMetricStatistics: GET_METRIC_STATISTICS,
  GetMetricData: GET_METRIC_DATA,
};

function describeAlarms(account: AwsAccount, input: DescribeInput): OperationResult {
  if (input.AlarmNames !== undefined && input.AlarmNamePrefix !== undefined) {
    const message = 'AlarmNamePrefix and AlarmNames cannot both be specified';
    return refused('ValidationException', message);
  }
  // The pipeline's stacks have no composite alarms.
  const all = input.AlarmTypes?.includes('MetricAlarm') === false ? [] : [...account.alarms.values()];
  const matching = all.filter((alarm) => fits(alarm, input));
  const page = pageOf(matching, input.NextToken, account.pageSize ?? input.MaxRecords ?? PAGE_SIZE);
  if (page === undefined) return refused('InvalidNextToken', 'The next token specified is invalid.');
  return done({
    MetricAlarms: page.items.map((alarm) => described(alarm, account)),
    CompositeAlarms: [],
    NextToken: page.next,
  });
}

function fits({ name, state, actions }: Alarm, input: DescribeInput): boolean {
  const { AlarmNames: names, AlarmNamePrefix: prefix, StateValue, ActionPrefix: actionPrefix } = input;
  return (
    (names === undefined || names.includes(name)) &&
    (prefix === undefined || name.startsWith(prefix)) &&
    (StateValue === undefined || state === StateValue) &&
    (actionPrefix === undefined || actions.some((action) => action.startsWith(actionPrefix)))
  );
}

function described(alarm: Alarm, { id, region }: AwsAccount) {
  const { name, description, state, stateReason, actionsEnabled, actions, changedAt } = alarm;
  return {
    AlarmName: name,
    AlarmArn: `arn:aws:cloudwatch:${region}:${id}:alarm:${name}`,
    AlarmDescription: description,
    AlarmConfigurationUpdatedTimestamp: changedAt,
    ActionsEnabled: actionsEnabled ?? true,
    OKActions: [],
    AlarmActions: actions,
    InsufficientDataActions: [],
    StateValue: state,
    StateReason: stateReason,
    StateUpdatedTimestamp: changedAt,
    StateTransitionedTimestamp: changedAt,
  };
}
