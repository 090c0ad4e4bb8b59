import type { DeploymentName } from '../deployment.ts';
import type { MendCommands } from '../mend-commands.ts';
import type { Style, Terminal } from '../terminal.ts';
import type { AlarmNews } from './alarm-news.ts';
import { blindnessText, watchLog } from './blindness.ts';
import type { AlarmSeverity, DeployedAlarm } from './deployed-alarm.ts';
import { firstCommandOf } from './first-command.ts';
import { sinceText } from './since-text.ts';

interface ToldAbout {
  readonly deployment: DeploymentName;
  readonly commands: MendCommands;
}

export interface NewsView extends ToldAbout {
  readonly region: string;
  readonly now: Date;
  /** Whether those that are quiet are named, too. */
  readonly all: boolean;
}

const STYLES: Readonly<Record<AlarmSeverity, Style>> = { critical: 'red', warning: 'yellow' };

/** As `--json` tells it. */
export function newsValue({ ringing, blind, quiet }: AlarmNews, { deployment, commands }: ToldAbout) {
  const shown = ({ name, fullName, severity, meaning, state, since, reason, runbook }: DeployedAlarm) => ({
    name,
    fullName,
    severity,
    meaning,
    state,
    since: since?.toISOString(),
    reason,
    runbook,
  });
  return {
    ringing: ringing.map((alarm) => ({ ...shown(alarm), first: firstCommandOf(alarm, commands) })),
    blind: blind.map((alarm) => ({ ...shown(alarm), first: watchLog(deployment, commands) })),
    quiet: quiet.map(shown),
  };
}

/** What rings first: for whoever was woken by it. */
export function renderNews(terminal: Terminal, news: AlarmNews, view: NewsView): string {
  const { ringing, blind, quiet } = news;
  if (ringing.length + blind.length + quiet.length === 0) return noneText(view);
  const parts = [
    ...ringing.map((alarm) => ringingText(terminal, alarm, view)),
    ...(blind.length === 0 ? [] : [blindText(terminal, blind, view)]),
    quietText(terminal, quiet, view),
  ];
  return parts.join('\n\n');
}

function noneText({ deployment: { project, stage }, commands, region }: NewsView): string {
  return [
    `There is no alarm ${project}-mail-${stage}-… in ${region}: nobody is told when mail stops.`,
    `  mend: check --stage, --region, --project and --profile first; then set alarms to essential in cdk.json, and ${commands.deploy}`,
  ].join('\n');
}

function ringingText(terminal: Terminal, alarm: DeployedAlarm, { commands, now }: NewsView): string {
  const { name, severity, since, meaning, reason, runbook } = alarm;
  const first = firstCommandOf(alarm, commands);
  const heading = `${terminal.paint(STYLES[severity], severity)}  ${terminal.paint('bold', name)}`;
  return [
    `${heading}  since ${sinceText(since, now)}`,
    ...(meaning === '' ? [] : [`  ${meaning}`]),
    `  ${reason || 'CloudWatch gives no reason'}`,
    ...(first === undefined ? [] : [`  → ${first}`]),
    `  → ${runbook}`,
  ].join('\n');
}

function blindText(
  terminal: Terminal,
  blind: readonly DeployedAlarm[],
  { deployment, commands, now }: NewsView,
): string {
  const names = blind.map(({ name }) => name).join(', ');
  const [first] = blind;
  return [
    `${terminal.paint('yellow', 'blind')}  ${terminal.paint('bold', names)}  since ${sinceText(first?.since, now)}`,
    `  ${blindnessText(blind)}`,
    `  → ${watchLog(deployment, commands)}`,
  ].join('\n');
}

function quietText(terminal: Terminal, quiet: readonly DeployedAlarm[], { all, now }: NewsView): string {
  const count = terminal.paint('green', `${quiet.length} quiet`);
  if (!all) return quiet.length === 0 ? count : `${count}; --all names them`;
  const rows = quiet.map(({ name, severity, state, since }) => [
    name,
    severity,
    state === 'OK' ? 'ok' : 'no value yet',
    sinceText(since, now),
  ]);
  return `${count}\n${terminal.table(['alarm', 'severity', 'state', 'since'], rows)}`;
}
