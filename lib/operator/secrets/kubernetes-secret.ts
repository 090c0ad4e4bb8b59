import { OperatorError } from '../operator-error.ts';
import type { SecretFields } from './secret-fields.ts';

export interface KubernetesTarget {
  readonly namespace: string;
  readonly name: string;
}

/** Where the External Secrets Operator finds the values. */
export interface ExternalSource {
  readonly store: string;
  readonly storeKind: 'SecretStore' | 'ClusterSecretStore';
  /** The secret's name there: of Secrets Manager, or its path beneath the mount of Vault. */
  readonly key: string;
}

const LABELS = { 'app.kubernetes.io/part-of': 'keybuzz-mail-pipeline' } as const;

/**
 * A Secret with the values in it. They stand as `data`, not `stringData`: that one is merged into what the cluster has,
 * so a field that went away here would stay there.
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
 * A resource from which the External Secrets Operator makes that Secret and keeps it up to date. It holds no value.
 *
 * @see https://external-secrets.io/latest/api/externalsecret/
 */
export function externalSecret(target: KubernetesTarget, source: ExternalSource, fields: readonly string[]) {
  return {
    apiVersion: 'external-secrets.io/v1',
    kind: 'ExternalSecret',
    metadata: metadataOf(target),
    spec: {
      refreshInterval: '1h',
      secretStoreRef: { name: source.store, kind: source.storeKind },
      target: { name: target.name, creationPolicy: 'Owner' },
      // Field by field: one that is missing there shows in the status, and one of others does not reach the API.
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
