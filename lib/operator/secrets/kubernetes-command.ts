import { stringify } from 'yaml';
import type { CommandContext } from '../command-context.ts';
import { pipelineOutputs } from '../deployment.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { MendCommands } from '../mend-commands.ts';
import { OperatorError } from '../operator-error.ts';
import { externalSecret, kubernetesSecret } from './kubernetes-secret.ts';
import { sesPathOf } from './open-vault.ts';
import { readSourceSecret } from './read-source-secret.ts';
import { SES_FIELDS } from './secret-fields.ts';

export interface KubernetesFlags {
  readonly namespace: string;
  readonly name: string;
  readonly format: 'secret' | 'external-secret';
  /** Prints values also where they stay on the screen. */
  readonly show: boolean;
  readonly store?: string;
  readonly storeKind: 'SecretStore' | 'ClusterSecretStore';
  readonly from: 'aws' | 'vault';
  /** @default the name that the values have at the place that `from` says */
  readonly key?: string;
}

/**
 * `mailctl secrets kubernetes`.
 *
 * @param outputIsTerminal what is printed stays in its scrollback
 */
export async function runKubernetesCommand(
  context: CommandContext,
  flags: KubernetesFlags,
  outputIsTerminal: boolean,
): Promise<ExitCode> {
  if (flags.format === 'secret' && outputIsTerminal && !flags.show) throw refusal(flags, context.commands);
  const manifest =
    flags.format === 'secret' ? await secretWithValues(context, flags) : await reference(context, flags);
  context.terminal.result(manifest, () =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  context.terminal.note(
    `A running worker reads it when it starts: kubectl rollout restart deployment/outbound-worker -n ${flags.namespace}`,
  );
  return EXIT.ok;
}

async function secretWithValues({ aws, deployment, signal }: CommandContext, flags: KubernetesFlags) {
  // What the flags say is checked before AWS is asked.
  kubernetesSecret(flags, {});
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  return kubernetesSecret(flags, await readSourceSecret(await aws.secretsManager(), SecretArn, signal));
}

async function reference(context: CommandContext, flags: KubernetesFlags) {
  const { store, storeKind } = flags;
  if (store === undefined) {
    throw new OperatorError(
      'STORE_MISSING',
      'an ExternalSecret names the store that it reads from, and none was given',
      '--store NAME (kubectl get secretstores,clustersecretstores -A lists them)',
    );
  }
  return externalSecret(flags, { store, storeKind, key: await remoteKey(context, flags) }, SES_FIELDS);
}

async function remoteKey(
  { aws, deployment, signal }: CommandContext,
  { key, from }: KubernetesFlags,
): Promise<string> {
  if (key !== undefined) return key;
  if (from === 'vault') return sesPathOf({}, deployment.project);
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  return secretName(SecretArn);
}

/** Secrets Manager puts a dash and six characters behind the name, other ones each time the secret is made anew. */
const secretName = (arn: string) =>
  arn.replace(/^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.+)-\w{6}$/, '$1');

function refusal({ namespace, name }: KubernetesFlags, commands: MendCommands): OperatorError {
  const nameFlag = name === 'keybuzz-ses' ? '' : ` --name ${name}`;
  const print = commands.mailctl(`secrets kubernetes --namespace ${namespace}${nameFlag}`);
  return new OperatorError(
    'WOULD_SHOW_SECRET',
    'this prints the secret access key, and the output is a terminal, which keeps it in its scrollback',
    `${print} | kubectl apply -f -   (or --show, to see it all the same)`,
  );
}
