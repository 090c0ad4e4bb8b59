import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { OperatorError } from '../operator-error.ts';
import type { DeployedAlarm } from './deployed-alarm.ts';
import { listAlarms } from './list-alarms.ts';

const REASON = 'A test by mailctl, to see whether the message arrives. Nothing is wrong.';

/**
 * `mailctl alarms test`: lets an alarm ring, to see whether the message arrives.
 *
 * @param name as the runbook has it, or as CloudWatch has it
 * @throws {@link OperatorError} where there is no such alarm
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
 */
export async function testAlarm(context: CommandContext, name: string): Promise<ExitCode> {
  const { aws, deployment, terminal, signal } = context;
  const client = await aws.cloudWatch();
  const alarm = find(await listAlarms(client, deployment, signal), name, context);
  const obstacle = obstacleOf(alarm, context);
  if (obstacle !== undefined) return told(context, alarm, 'no-message', obstacle);
  const who = alarm.topics.map((topic) => topic.split(':').at(-1)).join(', ');
  terminal.note(`All subscribers of ${who} get a message that ${alarm.fullName} rings.`);
  if (!(await terminal.confirm(`Let ${alarm.name} ring?`))) {
    return told(context, alarm, 'not-confirmed', 'Nothing was done: it needs a yes, or --yes.');
  }
  await client.send(
    new SetAlarmStateCommand({ AlarmName: alarm.fullName, StateValue: 'ALARM', StateReason: REASON }),
    { abortSignal: signal },
  );
  const text = `${alarm.name} rings. The message should arrive within a minute; CloudWatch sets the alarm back by itself at its next look, mostly within a few minutes; an alarm of a rate only when a new value comes.`;
  return told(context, alarm, 'rings', text);
}

function find(alarms: readonly DeployedAlarm[], asked: string, { commands }: CommandContext): DeployedAlarm {
  const alarm = alarms.find(({ name, fullName }) => name === asked || fullName === asked);
  if (alarm !== undefined) return alarm;
  const names = alarms.map(({ name }) => name).join(', ');
  const mend =
    alarms.length === 0 ? `deploy the alarms first: ${commands.deploy}` : `the alarms are ${names}`;
  throw new OperatorError('NO_SUCH_ALARM', `there is no alarm ${asked}`, mend);
}

/** Why nobody would get a message: CloudWatch tells of changes alone. */
function obstacleOf(alarm: DeployedAlarm, { commands }: CommandContext): string | undefined {
  if (alarm.state === 'ALARM') return `${alarm.name} rings already: ${commands.mailctl('alarms')}`;
  if (alarm.actionsEnabled && alarm.topics.length > 0) return undefined;
  return `${alarm.name} tells nobody: ${commands.mailctl('doctor --only alarms')}`;
}

type TestOutcome = 'rings' | 'not-confirmed' | 'no-message';

function told(
  { terminal }: CommandContext,
  { name, topics }: DeployedAlarm,
  outcome: TestOutcome,
  text: string,
): ExitCode {
  terminal.result({ alarm: name, topics, outcome, detail: text }, () => text);
  return outcome === 'rings' ? EXIT.ok : EXIT.warning;
}
