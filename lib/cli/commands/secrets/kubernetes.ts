import { stringify } from 'yaml';
import { kubernetesSecretNames } from '../../../common/names.ts';
import type { CommandContext } from '../../context.ts';
import { pipelineOutputs } from '../../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../../errors.ts';
import type { FixHints } from '../../hints.ts';
import { readSourceSecret, SES_FIELDS, type SecretFields, sesPathOf } from '../../lookups/secrets.ts';

export interface KubernetesFlags {
  readonly namespace: string;
  /** @default the Secret that the worker of the project reads */
  readonly name?: string;
  readonly format: 'secret' | 'external-secret';
  /** Print values even on a terminal. */
  readonly show: boolean;
  readonly store?: string;
  readonly storeKind: 'SecretStore' | 'ClusterSecretStore';
  readonly from: 'aws' | 'vault';
  /** @default the name of the secret at the place given by `from` */
  readonly key?: string;
}

/** `mailctl secrets kubernetes`. */
export async function runKubernetesCommand(
  context: CommandContext,
  given: KubernetesFlags,
): Promise<ExitCode> {
  const flags = { ...given, name: given.name ?? kubernetesSecretNames(context.deployment.project).ses };
  // Output on a terminal stays in its scrollback.
  const wouldStay = flags.format === 'secret' && context.streams.output.isTTY === true;
  if (wouldStay && !flags.show) throw refusal(given, context.commands);
  const manifest =
    flags.format === 'secret' ? await secretWithValues(context, flags) : await reference(context, flags);
  context.terminal.document(manifest, () =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  context.terminal.note(
    `A running worker reads it when it starts: kubectl rollout restart deployment/outbound-worker -n ${flags.namespace}`,
  );
  return EXIT.ok;
}

async function secretWithValues({ aws, deployment, signal }: CommandContext, flags: KubernetesTarget) {
  // Validate the flags before calling AWS.
  kubernetesSecret(flags, {});
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  return kubernetesSecret(flags, await readSourceSecret(await aws.secretsManager(), SecretArn, signal));
}

async function reference(context: CommandContext, flags: KubernetesFlags & KubernetesTarget) {
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

/** Secrets Manager appends a dash and six characters to the name; they change if the secret is recreated. */
const secretName = (arn: string) =>
  arn.replace(/^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.+)-\w{6}$/, '$1');

function refusal({ namespace, name }: KubernetesFlags, commands: FixHints): OperatorError {
  const nameFlag = name === undefined ? '' : ` --name ${name}`;
  const print = commands.mailctl(`secrets kubernetes --namespace ${namespace}${nameFlag}`);
  return new OperatorError(
    'WOULD_SHOW_SECRET',
    'this prints the secret access key, and the output is a terminal, which keeps it in its scrollback',
    `${print} | kubectl apply -f -   (or --show, to see it all the same)`,
  );
}

export interface KubernetesTarget {
  readonly namespace: string;
  readonly name: string;
}

/** Source of the values for the External Secrets Operator. */
interface ExternalSource {
  readonly store: string;
  readonly storeKind: 'SecretStore' | 'ClusterSecretStore';
  /** The name of the secret in Secrets Manager, or its path below the Vault mount. */
  readonly key: string;
}

const LABELS = { 'app.kubernetes.io/part-of': 'keybuzz-mail-pipeline' } as const;

/**
 * A Secret with the values. Uses `data`, not `stringData`: that is merged into the existing Secret, so a
 * field removed here would remain in the cluster.
 *
 * @see https://kubernetes.io/docs/concepts/configuration/secret/
 */
export function kubernetesSecret(target: KubernetesTarget, fields: SecretFields) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(target),
    type: 'Opaque',
    data: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('base64')]),
    ),
  };
}

/**
 * An ExternalSecret, from which the External Secrets Operator creates and updates that Secret. It contains no
 * values.
 *
 * @see https://external-secrets.io/latest/api/externalsecret/
 */
function externalSecret(target: KubernetesTarget, source: ExternalSource, fields: readonly string[]) {
  return {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: metadataOf(target),
    spec: {
      refreshInterval: '1h',
      secretStoreRef: { name: source.store, kind: source.storeKind },
      target: { name: target.name, creationPolicy: 'Owner' },
      // Field by field: a missing field shows in the status, and fields of other tools do not reach the API.
      data: fields.map((field) => ({ secretKey: field, remoteRef: { key: source.key, property: field } })),
    },
  };
}

function metadataOf({ namespace, name }: KubernetesTarget) {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw wrong('--namespace', namespace, 'a DNS label: 1 to 63 lower-case letters, digits and dashes');
  }
  if (!/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) {
    throw wrong('--name', name, 'a DNS name: up to 253 lower-case letters, digits, dashes and dots');
  }
  return { name, namespace, labels: LABELS };
}

function wrong(flag: string, value: string, allowed: string): OperatorError {
  return new OperatorError(
    'WRONG_SETTING',
    `${flag} ${JSON.stringify(value)}: allowed is ${allowed}`,
    `set ${flag} right`,
  );
}
