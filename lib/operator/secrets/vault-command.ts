import type { CommandContext } from '../command-context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { OperatorError } from '../operator-error.ts';
import { bringToVault, type VaultOutcome, type VaultPlan } from './bring-to-vault.ts';
import { openVault, sesPathOf, type VaultFlags } from './open-vault.ts';
import { readSourceSecret } from './read-source-secret.ts';
import { refuseOtherDeployment } from './refuse-other-deployment.ts';
import { renderOutcomes, renderPlan } from './render-vault.ts';
import type { SecretFields } from './secret-fields.ts';
import { type SmtpFlags, smtpFields } from './smtp-fields.ts';

export interface VaultCommandFlags extends VaultFlags, SmtpFlags {
  readonly smtpPath?: string;
  /** Nobody looks at the plans: each question is answered with yes. */
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
      'SMTP settings: none given (SMTP_HOST and its kin, or --smtp-host), so none were compared.',
    );
  }
  terminal.result({ secrets: outcomes }, () => renderOutcomes(outcomes));
  return outcomes.some(({ kind }) => kind === 'left') ? EXIT.warning : EXIT.ok;
}

/** Who names the path knows what is there. */
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

/** A yes to everything was given before somebody else wrote: it is no yes to writing over that. */
function refuseUnseen({ path, changedMeanwhile }: VaultPlan): void {
  if (changedMeanwhile.length === 0) return;
  throw new OperatorError(
    'VAULT_CHANGED_MEANWHILE',
    `somebody else has just written ${changedMeanwhile.join(', ')} of ${path}; it was left as it is`,
    'find out who (vault kv metadata get has the time), then run it again: it shows what differs now',
  );
}
