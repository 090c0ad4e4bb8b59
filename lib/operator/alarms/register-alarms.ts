import type { Command } from 'commander';
import type { RunCommand } from '../command-context.ts';

const NOTES = `
What rings comes first, critical before warning, each with its reason, its first command and its heading in
docs/runbook.md. "blind" is an alarm that cannot ring, since the watch function is silent.

Exit codes: 0 all is quiet; 1 warnings ring, or are blind, or there are no alarms; 2 a critical one rings, or it failed.

Examples:
  mailctl alarms
  mailctl --stage prod alarms --all
  mailctl --stage prod --json alarms | jq -r '.ringing[] | [.severity, .name, .since, .first] | @tsv'`;

const TEST_NOTES = `
The alarm's topic tells all its subscribers, as if it were true; the reason says that it is a test. CloudWatch sets the
alarm back at its next look; that of a rate only when a new value comes.

Exit codes: 0 it rings; 1 it does not: no yes, it rings already, or it tells nobody; 2 it failed, or there is no such
alarm.

Examples:
  mailctl alarms test dead-letters
  mailctl --stage prod --yes alarms test mail-waiting`;

/** `mailctl alarms`: what rings, and what to do first. */
export function registerAlarms(program: Command, run: RunCommand): void {
  const alarms = program
    .command('alarms')
    .description('what rings, since when, why, and what to do first')
    .option('--all', 'the quiet ones, too', false)
    .addHelpText('after', NOTES)
    .action(({ all }: { readonly all: boolean }) =>
      run(async (context) => {
        const { showAlarms } = await import('./alarms-command.ts');
        return showAlarms(context, all);
      }),
    );
  alarms
    .command('test')
    .description('let an alarm ring, to see whether the message arrives')
    .argument('<name>', 'such as dead-letters')
    .addHelpText('after', TEST_NOTES)
    .action((name: string) =>
      run(async (context) => {
        const { testAlarm } = await import('./test-alarm.ts');
        return testAlarm(context, name);
      }),
    );
}
