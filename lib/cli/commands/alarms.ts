import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import type { Command } from 'commander';
import { alarmPrefix, type DeploymentName } from '../../common/names.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import type { FixHints } from '../hints.ts';
import {
  type AlarmSeverity,
  type AlarmSummary,
  accountMetricsLog,
  type DeployedAlarm,
  firstCommandOf,
  listAlarms,
  noDataText,
  sinceText,
  summariseAlarms,
  worstOf,
} from '../lookups/alarms.ts';
import type { Style, Terminal } from '../terminal.ts';

const NOTES = `
Firing alarms come first, critical before warning, each with its reason, its first command and its section in
docs/runbook.md. A "blind" alarm cannot fire, because the account-metrics function publishes no data.

Exit codes: 0 no alarm fires; 1 warnings fire or are blind, or there are no alarms; 2 a critical alarm fires, or error.

Examples:
  mailctl alarms
  mailctl --stage prod alarms --all
  mailctl --stage prod --json alarms | jq -r '.data.ringing[] | [.severity, .name, .since, .first] | @tsv'`;

const TEST_NOTES = `
The alarm notifies all subscribers of its topic like a real one; the reason says that it is a test. CloudWatch resets
the alarm at its next evaluation; an alarm on a rate only when a new data point arrives.

Exit codes: 0 it fires; 1 it does not: not confirmed, already firing, or it notifies no one; 2 error, or no such alarm.

Examples:
  mailctl alarms test dead-letters
  mailctl --stage prod --yes alarms test mail-waiting`;

/** `mailctl alarms`: firing alarms, and what to do first. */
export function registerAlarms(program: Command, run: RunCommand): void {
  const alarms = program
    .command('alarms')
    .description('show firing alarms: since when, why, and what to do first')
    .option('--all', 'include quiet alarms', false)
    .addHelpText('after', NOTES)
    .action(({ all }: { readonly all: boolean }) =>
      run(async (context) => {
        return showAlarms(context, all);
      }),
    );
  alarms
    .command('test')
    .description('fire an alarm, to check that the notification arrives')
    .argument('<name>', 'such as dead-letters')
    .addHelpText('after', TEST_NOTES)
    .action((name: string) =>
      run(async (context) => {
        return testAlarm(context, name);
      }),
    );
}

const EXITS = { critical: EXIT.failed, warning: EXIT.warning } as const;

/** `mailctl alarms`: which alarms fire now. @param all whether to list quiet alarms too */
async function showAlarms(context: CommandContext, all: boolean): Promise<ExitCode> {
  const { aws, deployment, terminal, commands, signal } = context;
  const alarms = await listAlarms(await aws.cloudWatch(), deployment, signal);
  const now = new Date();
  const summary = summariseAlarms(alarms, now);
  const value = summaryValue(summary, { deployment, commands });
  terminal.result(value, () =>
    renderSummary(terminal, summary, { deployment, commands, region: aws.region, now, all }),
  );
  // Without alarms, no one is notified of problems.
  if (alarms.length === 0) return EXIT.warning;
  const worst = worstOf(summary);
  return worst === undefined ? EXIT.ok : EXITS[worst];
}

interface DeploymentHints {
  readonly deployment: DeploymentName;
  readonly commands: FixHints;
}

interface SummaryView extends DeploymentHints {
  readonly region: string;
  readonly now: Date;
  /** Whether to list quiet alarms too. */
  readonly all: boolean;
}

const STYLES: Readonly<Record<AlarmSeverity, Style>> = { critical: 'red', warning: 'yellow' };

/** The value for `--json`. */
function summaryValue({ ringing, blind, quiet }: AlarmSummary, { deployment, commands }: DeploymentHints) {
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
    blind: blind.map((alarm) => ({ ...shown(alarm), first: accountMetricsLog(deployment, commands) })),
    quiet: quiet.map(shown),
  };
}

/** Firing alarms first, for the operator who was paged. */
function renderSummary(terminal: Terminal, summary: AlarmSummary, view: SummaryView): string {
  const { ringing, blind, quiet } = summary;
  if (ringing.length + blind.length + quiet.length === 0) return noneText(view);
  const parts = [
    ...ringing.map((alarm) => ringingText(terminal, alarm, view)),
    ...(blind.length === 0 ? [] : [blindText(terminal, blind, view)]),
    quietText(terminal, quiet, view),
  ];
  return parts.join('\n\n');
}

function noneText({ deployment, commands, region }: SummaryView): string {
  return [
    `There is no alarm ${alarmPrefix(deployment)}… in ${region}: no one is notified when mail stops.`,
    `  fix: check --stage, --region, --project and --profile first; then set alarms to essential in cdk.json, and ${commands.deploy}`,
  ].join('\n');
}

function ringingText(terminal: Terminal, alarm: DeployedAlarm, { commands, now }: SummaryView): string {
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
  { deployment, commands, now }: SummaryView,
): string {
  const names = blind.map(({ name }) => name).join(', ');
  const [first] = blind;
  return [
    `${terminal.paint('yellow', 'blind')}  ${terminal.paint('bold', names)}  since ${sinceText(first?.since, now)}`,
    `  ${noDataText(blind)}`,
    `  → ${accountMetricsLog(deployment, commands)}`,
  ].join('\n');
}

function quietText(terminal: Terminal, quiet: readonly DeployedAlarm[], { all, now }: SummaryView): string {
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

const REASON = 'A test by mailctl, to see whether the message arrives. Nothing is wrong.';

/**
 * `mailctl alarms test`: fires an alarm, to check that the notification arrives.
 *
 * @param name in the runbook or in CloudWatch
 * @throws {@link OperatorError} if there is no such alarm
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
 */
async function testAlarm(context: CommandContext, name: string): Promise<ExitCode> {
  const { aws, deployment, terminal, signal } = context;
  const client = await aws.cloudWatch();
  const alarm = find(await listAlarms(client, deployment, signal), name, context);
  const obstacle = obstacleOf(alarm, context);
  if (obstacle !== undefined) return report(context, alarm, 'no-message', obstacle);
  const who = alarm.topics.map((topic) => topic.split(':').at(-1)).join(', ');
  terminal.note(`All subscribers of ${who} get a message that ${alarm.fullName} rings.`);
  if (!(await terminal.confirm(`Let ${alarm.name} ring?`))) {
    return report(context, alarm, 'not-confirmed', 'Nothing was done: it needs a yes, or --yes.');
  }
  await client.send(
    new SetAlarmStateCommand({ AlarmName: alarm.fullName, StateValue: 'ALARM', StateReason: REASON }),
    { abortSignal: signal },
  );
  const text = `${alarm.name} rings. The message should arrive within a minute; CloudWatch sets the alarm back by itself at its next look, mostly within a few minutes; an alarm of a rate only when a new value comes.`;
  return report(context, alarm, 'rings', text);
}

function find(alarms: readonly DeployedAlarm[], wanted: string, { commands }: CommandContext): DeployedAlarm {
  const alarm = alarms.find(({ name, fullName }) => name === wanted || fullName === wanted);
  if (alarm !== undefined) return alarm;
  const names = alarms.map(({ name }) => name).join(', ');
  const fix = alarms.length === 0 ? `deploy the alarms first: ${commands.deploy}` : `the alarms are ${names}`;
  throw new OperatorError('NO_SUCH_ALARM', `there is no alarm ${wanted}`, fix);
}

/** Why no notification would be sent: CloudWatch notifies only on state changes. */
function obstacleOf(alarm: DeployedAlarm, { commands }: CommandContext): string | undefined {
  if (alarm.state === 'ALARM') return `${alarm.name} is in alarm already: ${commands.mailctl('alarms')}`;
  if (alarm.actionsEnabled && alarm.topics.length > 0) return undefined;
  return `${alarm.name} notifies no one: ${commands.mailctl('doctor --only alarms')}`;
}

type TestOutcome = 'rings' | 'not-confirmed' | 'no-message';

function report(
  { terminal }: CommandContext,
  { name, topics }: DeployedAlarm,
  outcome: TestOutcome,
  text: string,
): ExitCode {
  terminal.result({ alarm: name, topics, outcome, detail: text }, () => text);
  return outcome === 'rings' ? EXIT.ok : EXIT.warning;
}
