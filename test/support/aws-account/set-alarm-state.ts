import * as v from 'valibot';
import { done, type Operation, operation, refused } from './account-operation.ts';

const input = v.object({
  AlarmName: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  StateValue: v.picklist(['OK', 'ALARM', 'INSUFFICIENT_DATA']),
  StateReason: v.pipe(v.string(), v.maxLength(1023)),
});

/**
 * Sets the state of an alarm. It stays so: unlike CloudWatch, nothing here evaluates metrics on its own.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
 */
export const SET_ALARM_STATE: Operation = operation(
  input,
  'ValidationException',
  (account, { AlarmName, StateValue, StateReason }) => {
    const alarm = account.alarms.get(AlarmName);
    if (alarm === undefined) {
      const message = `Could not find metric alarm or composite alarm ${AlarmName}`;
      return refused('ResourceNotFound', message, 404);
    }
    const changedAt = alarm.state === StateValue ? alarm.changedAt : account.now();
    account.add({ alarms: [{ ...alarm, state: StateValue, stateReason: StateReason, changedAt }] });
    return done({});
  },
);
