import { type AlarmNews, alarmNews, worstOf } from '../../alarms/alarm-news.ts';
import { blindnessText, watchLog } from '../../alarms/blindness.ts';
import type { DeployedAlarm } from '../../alarms/deployed-alarm.ts';
import { firstCommandOf } from '../../alarms/first-command.ts';
import { sinceText } from '../../alarms/since-text.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, fail, ok, skipped, warn } from '../check.ts';
import type { DoctorContext } from '../doctor-context.ts';

/** Which alarms ring now. */
export const RINGING_ALARMS_CHECK: Check = {
  group: 'alarms',
  name: 'ringing',
  run: async (context) => {
    const alarms = await context.lookups.alarms();
    // That there are none is told by the check of their subscribers.
    if (alarms.length === 0) return skipped('no alarms are deployed');
    return judge(alarmNews(alarms, context.now), context);
  },
};

function judge(news: AlarmNews, context: DoctorContext): CheckResult {
  const worst = worstOf(news);
  if (worst === undefined) return ok(`none of ${news.quiet.length}`);
  const told = [...news.ringing.map((alarm) => ringingText(alarm, context.now)), ...blindText(news.blind)];
  return (worst === 'critical' ? fail : warn)(told.join('; '), mendOf(news, context));
}

function ringingText({ name, severity, since, reason }: DeployedAlarm, now: Date): string {
  return `${name} [${severity}] since ${sinceText(since, now)}: ${reason || 'without a reason'}`;
}

function blindText(blind: readonly DeployedAlarm[]): readonly string[] {
  const names = blind.map(({ name }) => name).join(' and ');
  return blind.length === 0 ? [] : [`${names} cannot ring: ${blindnessText(blind)}`];
}

/** Of the most urgent one; the command that shows all where there are more. */
function mendOf({ ringing, blind }: AlarmNews, { deployment, commands }: DoctorContext): string {
  const [first] = ringing;
  const mend = first === undefined ? watchLog(deployment, commands) : mendOfAlarm(first, commands);
  return ringing.length + blind.length === 1 || first === undefined
    ? mend
    : `${mend}; the others: ${commands.mailctl('alarms')}`;
}

/** The first command of the alarm, and where to read on. */
function mendOfAlarm(alarm: DeployedAlarm, commands: MendCommands): string {
  const first = firstCommandOf(alarm, commands);
  return first === undefined ? alarm.runbook : `${first}; then ${alarm.runbook}`;
}
