import { kubernetesSecretNames } from '../../../common/names.ts';
import type { CommandContext } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import { compareWithVault, kubernetesFields } from '../../lookups/secret-copies.ts';
import {
  type CopyComparison,
  compareFields,
  readSourceSecret,
  type VaultFlags,
} from '../../lookups/secrets.ts';
import type { Terminal } from '../../terminal.ts';

export interface DiffFlags extends VaultFlags {
  /** `-` is standard input. */
  readonly kubernetesFile?: string;
}

/** `mailctl secrets diff`. */
export async function runDiffCommand(context: CommandContext, flags: DiffFlags): Promise<ExitCode> {
  const { aws, deployment, env, signal, streams, terminal } = context;
  const hasVault = Boolean(env.VAULT_ADDR);
  if (!hasVault && flags.kubernetesFile === undefined) throw nothingToCompare(context);
  if (!hasVault) terminal.note('Vault: left out, VAULT_ADDR is not set.');
  const kubernetes = await kubernetesFields(flags, streams.input, signal);
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const source = await readSourceSecret(await aws.secretsManager(), SecretArn, signal);

  const copies: CopyComparison[] = [];
  if (hasVault) copies.push(await compareWithVault(context, flags, source));
  if (kubernetes !== undefined) copies.push(compareFields(source, 'kubernetes', kubernetes));
  const equal = copies.every((copy) => copy.equal);
  terminal.result({ equal, copies }, () => renderComparisons(terminal, copies));
  return equal ? EXIT.ok : EXIT.warning;
}

function nothingToCompare({ deployment, commands }: CommandContext): OperatorError {
  const secret = kubernetesSecretNames(deployment.project).ses;
  return new OperatorError(
    'NOTHING_TO_COMPARE',
    'there is nothing to compare with: VAULT_ADDR is not set, and no Secret of Kubernetes was given',
    `set VAULT_ADDR, or kubectl get secret ${secret} -n NAMESPACE -o json | ${commands.mailctl('secrets diff --kubernetes-file -')}`,
  );
}

/** One column per copy; never shows values. */
function renderComparisons(terminal: Terminal, copies: readonly CopyComparison[]): string {
  const names = copies[0]?.fields.map(({ field }) => field) ?? [];
  const rows = names.map((name) => [
    name,
    ...copies.map(({ fields }) => fields.find(({ field }) => field === name)?.standing ?? ''),
  ]);
  return [
    terminal.table(['field', ...copies.map(({ copy }) => copy)], rows),
    ...copies.map(renderVerdict),
  ].join('\n');
}

function renderVerdict({ copy, equal, others }: CopyComparison): string {
  const verdict = `${copy}: ${equal ? 'the same as' : 'not the same as'} Secrets Manager`;
  return others.length === 0 ? verdict : `${verdict}; also has ${others.join(', ')}`;
}
