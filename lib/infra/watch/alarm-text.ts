import type { Settings } from '../settings.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import { watchNames } from './watch-names.ts';

export type AlarmTextSettings = Pick<Settings, 'project' | 'stage' | 'region' | 'runbookUrl' | 'dashboards'>;

/**
 * The description of an alarm, which stands in each message of it: what has happened, when one is told of it, and what
 * to do. CloudWatch takes up to 1,024 characters.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export function alarmText(definition: AlarmDefinition, settings: AlarmTextSettings): string {
  const { name, severity, meaning, when, because, first, dashboard } = definition;
  const names = watchNames(settings);
  const seenOn = {
    mail: names.mailDashboard,
    reputation: names.reputationDashboard,
    machineRoom: names.machineRoomDashboard,
  }[dashboard];
  return [
    `[${severity}] ${meaning}`,
    `Rings when ${when}, because ${because}.`,
    `First: ${mailctl(first, settings)}`,
    `Runbook: ${runbookLink(name, settings)}`,
    ...(settings.dashboards ? [`Dashboard: ${dashboardLink(seenOn, settings)}`] : []),
  ].join('\n');
}

function runbookLink(anchor: string, { runbookUrl }: AlarmTextSettings): string {
  return `${runbookUrl === '' ? 'docs/runbook.md' : runbookUrl}#${anchor}`;
}

/** The page of a dashboard in the console. */
export function dashboardLink(name: string, { region }: Pick<Settings, 'region'>): string {
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${name}`;
}

/** As it can be pasted: with what is not mailctl's default. */
function mailctl(command: string, { stage, project, region }: AlarmTextSettings): string {
  const flags = [
    ...(stage === 'dev' ? [] : [`--stage ${stage}`]),
    ...(project === 'keybuzz' ? [] : [`--project ${project}`]),
    ...(region === 'eu-west-1' ? [] : [`--region ${region}`]),
  ];
  return ['mailctl', ...flags, command].join(' ');
}
