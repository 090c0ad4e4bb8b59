import { type Command, InvalidArgumentError, Option } from 'commander';
import { groupBy } from '../../../common/group-by.ts';
import type { CommandContext, RunCommand } from '../../context.ts';
import { EXIT, type ExitCode } from '../../errors.ts';
import { addDnsServerOptions } from '../../lookups/dns/dns-server-options.ts';
import { relayTarget } from '../../lookups/relay-target.ts';
import { duration, port } from '../../number-flags.ts';
import { DEFAULT_PROJECT } from '../../project-file.ts';
import type { Style, Terminal } from '../../terminal.ts';
import { wrapWords } from '../../text-columns.ts';
import { ALL_CHECKS } from './all-checks.ts';
import { CHECK_GROUPS, type Check, type CheckGroup, type CheckStatus } from './check.ts';
import { createLookups } from './lookups.ts';
import { type CheckReport, runChecks } from './run-checks.ts';
import { type SmtpFlags, smtpTarget } from './smtp-target.ts';

const NOTES = `
Checks run concurrently; one that fails or hangs does not hide the others. Read-only: changes nothing, sends no mail.
Groups: ${CHECK_GROUPS.join(', ')}.

The SMTP host is probed from this machine; SMTP_SECURE, SMTP_REQUIRE_TLS, SMTP_TLS_CA and
SMTP_TLS_REJECT_UNAUTHORIZED are read as the worker reads them. Vault is checked if VAULT_ADDR is set.

Exit codes: 0 all checks are ok or skipped; 1 there are warnings; 2 a check failed.

Examples:
  mailctl doctor
  mailctl --stage prod doctor --smtp-host mail.example.org
  mailctl doctor --only dns,identity                      after adding DNS records
  mailctl --json doctor --skip smtp | jq '.data.checks[] | select(.status == "fail")'
  mailctl --quiet doctor || notify                        for cron: nothing is printed if all is well
  kubectl get secret shop-ses -n shop-api-dev -o json | mailctl doctor --kubernetes-file -`;

const DEFAULT_TIMEOUT_MS = 10_000;

/** `mailctl doctor`: checks a deployment, and prints fixes. */
export function registerDoctor(program: Command, run: RunCommand): void {
  const doctor = program
    .command('doctor')
    .description('check the deployment, and print a fix for each problem')
    .option('--only <groups>', 'run only these groups of checks, such as dns,smtp', parseGroups)
    .option('--skip <groups>', 'all but these groups', parseGroups)
    .addOption(
      new Option('--timeout <seconds>', 'for each check')
        .argParser(duration({ unitMs: 1000, most: 999 }))
        .default(DEFAULT_TIMEOUT_MS, String(DEFAULT_TIMEOUT_MS / 1000)),
    )
    .option('--smtp-host <host>', "the API's own mail server (or SMTP_HOST)")
    .option('--smtp-port <port>', '(or SMTP_PORT; else 587)', port)
    .option('--relay <host:port>', 'the SMTP relay (or MAIL_RELAY)')
    .option('--mount <path>', 'the KV v2 store of Vault', 'secret')
    .option('--path <path>', 'of the secret below the mount (default: "<project>/ses")')
    .option('--kubernetes-file <file>', 'a Secret printed by kubectl, to compare; - is standard input')
    .addHelpText('after', NOTES);
  addDnsServerOptions(doctor).action(
    ({ timeout, ...flags }: Omit<DoctorFlags, 'timeoutMs'> & { timeout: number }) =>
      run((context) => runDoctorCommand(context, { ...flags, timeoutMs: timeout })),
  );
}

export interface DoctorFlags extends SmtpFlags {
  readonly only?: readonly CheckGroup[];
  readonly skip?: readonly CheckGroup[];
  /** For each check. */
  readonly timeoutMs: number;
  readonly resolver?: string;
  readonly serverPort: number;
  readonly relay?: string;
  readonly mount: string;
  readonly path?: string;
  readonly kubernetesFile?: string;
}

const EXITS = { ok: EXIT.ok, warn: EXIT.warning, fail: EXIT.failed } as const;

/** `mailctl doctor`. */
export async function runDoctorCommand(context: CommandContext, flags: DoctorFlags): Promise<ExitCode> {
  const { deployment, aws, commands, env, signal, streams, terminal } = context;
  const smtp = smtpTarget(flags, env);
  const relay = relayTarget(flags.relay, env);
  const project = context.projectFile?.settings ?? DEFAULT_PROJECT;
  const { timeoutMs } = flags;
  const dns = { resolver: flags.resolver, port: flags.serverPort };
  const checks = chooseChecks(ALL_CHECKS, flags);
  const progress = reportProgress(terminal, checks);
  try {
    const reports = await runChecks(
      checks,
      {
        deployment,
        aws,
        env,
        smtp,
        relay,
        lookups: createLookups({ aws, deployment, project, dns, smtp, relay, timeoutMs, signal }),
        commands,
        secrets: {
          mount: flags.mount,
          path: flags.path,
          kubernetesFile: flags.kubernetesFile,
          input: streams.input,
        },
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

const PROGRESS_INTERVAL_MS = 1_000;

/** Prints the checks that still run, at most once a second and only if they changed. */
function reportProgress(terminal: Terminal, checks: readonly Check[]) {
  let running = checks;
  let printed = '';
  const timer = setInterval(() => {
    const line = `Still checking: ${namesOf(running).join(', ')}`;
    if (line !== printed) terminal.note(line);
    printed = line;
  }, PROGRESS_INTERVAL_MS);
  return {
    set: (left: readonly Check[]) => {
      running = left;
    },
    stop: () => clearInterval(timer),
  };
}

/** For several checks of a group, their number. */
function namesOf(checks: readonly Check[]): string[] {
  const groups = groupBy(checks, ({ group }) => group);
  return [...groups].map(([group, [first, ...more]]) =>
    more.length === 0 ? `${group} ${first?.name}` : `${group} (${more.length + 1})`,
  );
}

const STYLES: Readonly<Record<CheckStatus, Style>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  skipped: 'dim',
};

/** The worst status; skipped checks do not count. */
function overallStatus(reports: readonly CheckReport[]): Exclude<CheckStatus, 'skipped'> {
  return (['fail', 'warn'] as const).find((status) => countOf(reports, status) > 0) ?? 'ok';
}

/** The value for `--json`. */
function reportValue(reports: readonly CheckReport[]) {
  return {
    status: overallStatus(reports),
    checks: reports.map(({ group, name, result }) => ({ group, name, ...result })),
  };
}

/** The worst come first, because they are read first. */
const ORDER: readonly CheckStatus[] = ['fail', 'warn', 'skipped', 'ok'];

/** One row per check, the worst first; at the end, where the eyes are, what is to be done. */
function renderReport(terminal: Terminal, reports: readonly CheckReport[]): string {
  const shown = ORDER.filter((status) => !terminal.quiet || status === 'fail' || status === 'warn').flatMap(
    (status) => reports.filter(({ result }) => result.status === status),
  );
  if (terminal.quiet && shown.length === 0) return '';
  const rows = shown.map(({ group, name, result }) => [
    terminal.paint(STYLES[result.status], result.status),
    group,
    name,
    result.detail,
  ]);
  const counts = (['ok', 'warn', 'fail', 'skipped'] as const).map(
    (status) => `${countOf(reports, status)} ${status}`,
  );
  return [
    terminal.table(['STATUS', 'GROUP', 'CHECK', 'SEEN'], rows),
    '',
    counts.join(', '),
    ...renderToDo(terminal, shown),
  ].join('\n');
}

/** Each fix once, with the checks that it is for. */
function renderToDo(terminal: Terminal, reports: readonly CheckReport[]): string[] {
  const fixes = groupBy(
    reports.filter(({ result }) => 'fix' in result),
    ({ result }) => ('fix' in result ? result.fix : ''),
  );
  if (fixes.size === 0) return [];
  const title = fixes.size === 1 ? '1 thing to do:' : `${fixes.size} things to do:`;
  const items = [...fixes].flatMap(([fix, those], index) => [
    indented(`${index + 1}. `.padStart(5), wrapFix(fix, widthOf(terminal) - 5)),
    terminal.paint('dim', indented('     ', wrapWords(checksOf(those), widthOf(terminal) - 5))),
  ]);
  return ['', terminal.paint('bold', title), ...items];
}

const checksOf = (reports: readonly CheckReport[]) =>
  `for ${reports.map(({ group, name }) => `${group} ${name}`).join(', ')}`;

const widthOf = ({ columns }: Terminal) => columns ?? Number.POSITIVE_INFINITY;

const indented = (first: string, text: string) =>
  `${first}${text.replaceAll('\n', `\n${' '.repeat(first.length)}`)}`;

/** A command that is wrapped can still be pasted. */
function wrapFix(fix: string, width: number): string {
  const isCommand = /^(?:mailctl|npm|npx|aws|kubectl|vault|dig) [^;:]*$/.test(fix);
  return isCommand ? wrapWords(fix, width - 2).replaceAll('\n', ' \\\n  ') : wrapWords(fix, width);
}

const countOf = (reports: readonly CheckReport[], status: CheckStatus) =>
  reports.filter(({ result }) => result.status === status).length;

interface GroupChoice {
  /** @default all */
  readonly only?: readonly CheckGroup[];
  /** @default none */
  readonly skip?: readonly CheckGroup[];
}

function chooseChecks(checks: readonly Check[], { only, skip = [] }: GroupChoice): Check[] {
  return checks.filter(({ group }) => (only === undefined || only.includes(group)) && !skip.includes(group));
}

/** `dns,smtp`; repeated flags add up. @throws InvalidArgumentError for an unknown group */
function parseGroups(text: string, before: readonly CheckGroup[] = []): readonly CheckGroup[] {
  const groups = text.split(',').map((name) => {
    const group = CHECK_GROUPS.find((candidate) => candidate === name.trim());
    if (group === undefined) throw new InvalidArgumentError(`The groups are ${CHECK_GROUPS.join(', ')}.`);
    return group;
  });
  return [...before, ...groups];
}
