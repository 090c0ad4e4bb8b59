import { readFile } from 'node:fs/promises';
import type { CommandContext } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import {
  openVault,
  readSourceSecret,
  type SecretFields,
  type Standing,
  sesPathOf,
  type VaultFlags,
} from '../../lookups/secrets.ts';
import { smtpHostOf } from '../../lookups/smtp-host.ts';
import type { Terminal } from '../../terminal.ts';
import { bringToVault, type VaultOutcome, type VaultPlan } from './bring-to-vault.ts';

export interface VaultCommandFlags extends VaultFlags, SmtpFlags {
  readonly smtpPath?: string;
  /** Answer every prompt with yes, so no one reviews the plans. */
  readonly yes: boolean;
}

/** `mailctl secrets vault`. */
export async function runVaultCommand(context: CommandContext, flags: VaultCommandFlags): Promise<ExitCode> {
  const { terminal, aws, deployment, env, signal } = context;
  const kv = await openVault(env, flags.mount);
  const smtp = await smtpFields(flags, env);
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const ses = await readSourceSecret(await aws.secretsManager(), SecretArn, signal);

  const approve = (plan: VaultPlan) => {
    terminal.note(renderPlan(terminal, plan));
    if (flags.yes) refuseUnseen(plan);
    return terminal.confirm(`Write it on top of version ${plan.version} of ${plan.path}?`);
  };
  const outcomes: VaultOutcome[] = [];
  outcomes.push(
    await bringToVault({
      kv,
      path: sesPathOf(flags, deployment.project),
      wanted: ses,
      refuse: (found) => refuseByDefault(context, flags, ses, found),
      approve,
      signal,
    }),
  );
  if (Object.keys(smtp).length > 0) {
    const path = sesPathOf({ path: flags.smtpPath ?? `${deployment.project}/smtp` }, deployment.project);
    outcomes.push(await bringToVault({ kv, path, wanted: smtp, approve, signal }));
  } else {
    terminal.note(
      'SMTP settings: none given (SMTP_HOST and the other SMTP_* variables, or --smtp-host), so none were compared.',
    );
  }
  terminal.result({ secrets: outcomes }, () => renderOutcomes(outcomes));
  return outcomes.some(({ kind }) => kind === 'left') ? EXIT.warning : EXIT.ok;
}

/** Checks only the default path: an explicit --path is intentional. */
function refuseByDefault(
  { deployment, commands }: CommandContext,
  flags: VaultCommandFlags,
  wanted: SecretFields,
  found: Readonly<Record<string, unknown>>,
): void {
  if (flags.path !== undefined) return;
  const { project, stage } = deployment;
  const mount = flags.mount === 'secret' ? '' : ` --mount ${flags.mount}`;
  const path = sesPathOf(flags, project);
  refuseOtherDeployment(found, wanted, {
    path: `${flags.mount}/${path}`,
    samePath: commands.mailctl(`secrets vault${mount} --path ${path}`),
    ownPath: commands.mailctl(`secrets vault${mount} --path ${project}/${stage}/ses`),
  });
}

/** --yes was given before the concurrent write, so it does not approve overwriting it. */
function refuseUnseen({ path, changedMeanwhile }: VaultPlan): void {
  if (changedMeanwhile.length === 0) return;
  throw new OperatorError(
    'VAULT_CHANGED_MEANWHILE',
    `another writer has just changed ${changedMeanwhile.join(', ')} of ${path}; it was left as it is`,
    'find out who (vault kv metadata get has the time), then run it again: it shows what differs now',
  );
}

interface VaultTarget {
  /** Including the mount, as for `vault kv`. */
  readonly path: string;
  /** The command that writes there anyway. */
  readonly samePath: string;
  /** The command that writes to a path for this stage only. */
  readonly ownPath: string;
}

/**
 * Dev and prod may share a Vault, and the default path contains no stage: by default, a deployment does not
 * overwrite another's secret. The fallback queue URL identifies the deployment.
 *
 * @throws {@link OperatorError}
 */
function refuseOtherDeployment(
  found: Readonly<Record<string, unknown>>,
  wanted: SecretFields,
  { path, samePath, ownPath }: VaultTarget,
): void {
  const { FALLBACK_QUEUE_URL: theirs } = found;
  if (typeof theirs !== 'string' || theirs === '' || theirs === wanted.FALLBACK_QUEUE_URL) return;
  throw new OperatorError(
    'OTHER_DEPLOYMENT',
    `${path} holds the settings of another deployment (its queue: ${queueName(theirs)}); it was left as it is`,
    `give this stage a path of its own: ${ownPath}; or, to replace them all the same: ${samePath}`,
  );
}

/** Does not show a value that is not a queue URL: it may be a secret in the wrong field. */
function queueName(url: string): string {
  return /^https?:\/\/[\w.:-]+\/\w+\/([\w-]{1,80}(?:\.fifo)?)$/.exec(url)?.[1] ?? 'not a URL of one';
}

/** Effect of a write on a field, by its state. */
const CHANGE: Readonly<Record<Standing, string>> = {
  missing: 'added',
  different: 'changed',
  same: 'unchanged',
};

/** Shows which fields a write would change; never values. */
function renderPlan(terminal: Terminal, plan: VaultPlan): string {
  const { path, version, wasDeleted, fields, kept, changedMeanwhile } = plan;
  const state =
    version === 0
      ? 'is not there yet'
      : wasDeleted
        ? `was deleted at version ${version}`
        : `is at version ${version}`;
  const again =
    changedMeanwhile.length === 0
      ? []
      : [`Somebody else has changed ${changedMeanwhile.join(', ')} since the last comparison.`];
  const rows = [
    ...fields.map(({ field, standing }) => [field, CHANGE[standing]]),
    ...kept.map((field) => [field, "kept (not this tool's)"]),
  ];
  return [`${path} ${state}.`, ...again, terminal.table(['field', 'change'], rows)].join('\n');
}

function renderOutcomes(outcomes: readonly VaultOutcome[]): string {
  return outcomes.map(renderOutcome).join('\n');
}

function renderOutcome({ kind, path, version, fields }: VaultOutcome): string {
  switch (kind) {
    case 'written': {
      const changed = fields.filter(({ standing }) => standing !== 'same').length;
      return `${path}: ${changed} of ${fields.length} fields written as version ${version}`;
    }
    case 'unchanged':
      return `${path}: all ${fields.length} fields are the same already, version ${version} stays`;
    case 'left':
      return `${path}: not written (answer y, or give --yes if no terminal can answer)`;
  }
}

interface SmtpFlags {
  readonly smtpHost?: string;
  readonly smtpPort?: string;
  readonly smtpUser?: string;
  readonly smtpPasswordFile?: string;
}

/**
 * The API's SMTP settings, as far as given by flags or the environment. There is no flag for the password
 * itself: every user of the machine could read it in the process list.
 *
 * @throws {@link OperatorError}
 */
async function smtpFields(
  flags: SmtpFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SecretFields> {
  const host = flags.smtpHost ?? env.SMTP_HOST;
  const fields = {
    SMTP_HOST: host && smtpHostOf(host),
    SMTP_PORT: flags.smtpPort ?? env.SMTP_PORT,
    SMTP_USER: flags.smtpUser ?? env.SMTP_USER,
    SMTP_PASSWORD: await passwordOf(flags, env),
  };
  checkPort(fields.SMTP_PORT);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

async function passwordOf(
  { smtpPasswordFile }: SmtpFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (smtpPasswordFile === undefined) return env.SMTP_PASSWORD;
  const text = await readFile(smtpPasswordFile, 'utf8').catch((cause: unknown) => {
    throw new OperatorError(
      'FILE_UNREADABLE',
      `${smtpPasswordFile} cannot be read`,
      'name a file that can be read',
      { cause },
    );
  });
  // Strip the trailing newline that editors add.
  return text.replace(/\r?\n$/, '');
}

function checkPort(port: string | undefined): void {
  if (!port || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) return;
  throw new OperatorError(
    'WRONG_SETTING',
    `SMTP_PORT = ${JSON.stringify(port)}: allowed is a port, 1 to 65535`,
    'set SMTP_PORT or --smtp-port right',
  );
}
