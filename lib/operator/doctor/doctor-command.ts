import type { Readable } from 'node:stream';
import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { ALL_CHECKS } from './all-checks.ts';
import type { Check, CheckGroup } from './check.ts';
import { chooseChecks } from './choose-checks.ts';
import { createLookups } from './lookups.ts';
import { overallStatus, renderReport, reportValue } from './render-report.ts';
import { runChecks } from './run-checks.ts';
import { type SmtpFlags, smtpTarget } from './smtp-target.ts';

export interface DoctorFlags extends SmtpFlags {
  readonly only?: readonly CheckGroup[];
  readonly skip?: readonly CheckGroup[];
  /** For each check. */
  readonly timeoutMs: number;
  readonly resolver?: string;
  readonly serverPort: number;
  readonly mount: string;
  readonly path?: string;
  readonly kubernetesFile?: string;
}

const EXITS = { ok: EXIT.ok, warn: EXIT.warning, fail: EXIT.failed } as const;

/** `mailctl doctor`. */
export async function runDoctorCommand(
  context: CommandContext,
  flags: DoctorFlags,
  input: Readable,
): Promise<ExitCode> {
  const { deployment, aws, commands, env, signal, terminal } = context;
  const smtp = smtpTarget(flags, env);
  const { timeoutMs } = flags;
  const dns = { resolver: flags.resolver, port: flags.serverPort };
  const checks = chooseChecks(ALL_CHECKS, flags);
  const progress = tellProgress(terminal, checks);
  try {
    const reports = await runChecks(
      checks,
      {
        deployment,
        aws,
        env,
        smtp,
        lookups: createLookups({ aws, deployment, dns, smtp, timeoutMs, signal }),
        commands,
        secrets: { mount: flags.mount, path: flags.path, kubernetesFile: flags.kubernetesFile, input },
        now: new Date(),
      },
      { timeoutMs, signal, onProgress: progress.set },
    );
    terminal.result(reportValue(reports), () => renderReport(terminal, reports));
    return EXITS[overallStatus(reports)];
  } finally {
    progress.stop();
  }
}

const TELL_EVERY_MS = 1_000;

/** Says each second which checks still run, where that has changed. */
function tellProgress(terminal: Terminal, checks: readonly Check[]) {
  let running = checks;
  let told = '';
  const timer = setInterval(() => {
    const line = `Still checking: ${namesOf(running).join(', ')}`;
    if (line !== told) terminal.note(line);
    told = line;
  }, TELL_EVERY_MS);
  return {
    set: (left: readonly Check[]) => {
      running = left;
    },
    stop: () => clearInterval(timer),
  };
}

/** Of several in a group, how many they are. */
function namesOf(checks: readonly Check[]): string[] {
  const groups = Map.groupBy(checks, ({ group }) => group);
  return [...groups].map(([group, [first, ...more]]) =>
    more.length === 0 ? `${group} ${first?.name}` : `${group} (${more.length + 1})`,
  );
}
