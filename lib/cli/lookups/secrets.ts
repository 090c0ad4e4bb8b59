import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { parse } from 'yaml';
import { awsErrorCode } from '../../adapters/aws-client.ts';
import { VaultKv } from '../../adapters/vault/vault-kv.ts';
import { type Environment, readVaultSettings } from '../../adapters/vault/vault-settings.ts';
import { OperatorError } from '../errors.ts';
import { explainVaultFailure } from './vault-failure.ts';

/** Environment variables for the API, by name. */
export type SecretFields = Readonly<Record<string, string>>;

/** What `mailctl rotate` writes into Secrets Manager for the API's worker. */
export const SES_FIELDS = [
  'AWS_SES_ACCESS_KEY',
  'AWS_SES_SECRET_KEY',
  'AWS_SES_REGION',
  'FALLBACK_QUEUE_URL',
  'FALLBACK_URGENT_QUEUE_URL',
  'PAYLOAD_BUCKET',
  'RECEIPTS_QUEUE_URL',
  'MAIL_DOMAIN',
] as const;

/** A secret that an earlier version of mailctl wrote has none; the API goes on working with it. */
const OPTIONAL_FIELDS: readonly string[] = ['FALLBACK_URGENT_QUEUE_URL'];

const fieldsSchema = v.record(v.string(), v.string());

/** Error codes of Secrets Manager for a secret that is deleted or scheduled for deletion. */
const GONE = ['ResourceNotFoundException', 'InvalidRequestException'];

/**
 * The secret of the API's worker, as `mailctl rotate` wrote it.
 *
 * @throws {@link OperatorError} if it is not there, or is not what that writes; what the SDK throws
 */
export async function readSourceSecret(
  secretsManager: SecretsManagerClient,
  secretArn: string,
  signal: AbortSignal,
): Promise<SecretFields> {
  const fields = await readStoredFields(secretsManager, secretArn, signal);
  if (fields === undefined) throw noKey(secretArn);
  const missing = SES_FIELDS.filter((field) => !fields[field] && !OPTIONAL_FIELDS.includes(field));
  if (missing.length > 0) throw damaged(secretArn, `has no ${missing.join(', ')}`);
  return fields;
}

/**
 * What the secret holds, complete or not; undefined if nothing was written to it yet.
 *
 * @throws {@link OperatorError} if it is gone, or holds no JSON object of texts; what the SDK throws
 */
export async function readStoredFields(
  secretsManager: SecretsManagerClient,
  secretArn: string,
  signal: AbortSignal,
): Promise<SecretFields | undefined> {
  const call = secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn }), {
    abortSignal: signal,
  });
  try {
    const { SecretString: text = '' } = await call;
    return parseSecret(text, secretArn);
  } catch (cause) {
    signal.throwIfAborted();
    if (!GONE.includes(awsErrorCode(cause))) throw cause;
    // A secret without a value has the same code; its message speaks of the staging label of the value.
    if (awsErrorCode(cause) === 'ResourceNotFoundException' && /staging label/.test(String(cause)))
      return undefined;
    throw new OperatorError(
      'SECRET_MISSING',
      `there is no secret ${secretArn} in Secrets Manager, or it is marked for deletion`,
      'aws secretsmanager restore-secret; or deploy, and then mailctl rotate',
      { cause },
    );
  }
}

function parseSecret(text: string, secretArn: string): SecretFields {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), fieldsSchema), text);
  // The problem is reported without the input: that is the secret.
  if (!parsed.success) throw damaged(secretArn, 'is no JSON object of texts');
  return parsed.output;
}

function noKey(secretArn: string): OperatorError {
  return new OperatorError(
    'SECRET_EMPTY',
    `the secret ${secretArn} has no value yet: the API has no key`,
    'mailctl rotate: it makes the first key and writes it',
  );
}

function damaged(secretArn: string, what: string): OperatorError {
  return new OperatorError(
    'SECRET_DAMAGED',
    `the secret ${secretArn} ${what}: it was edited by hand, or written by another version of mailctl`,
    'aws secretsmanager put-secret-value with {}, and then mailctl rotate: it writes all of it with a new key',
  );
}

const secretSchema = v.object({
  apiVersion: v.literal('v1'),
  kind: v.literal('Secret'),
  data: v.nullish(v.record(v.string(), v.pipe(v.string(), v.base64()))),
  stringData: v.nullish(v.record(v.string(), v.string())),
});

/**
 * The fields of a Secret as printed by `kubectl get secret NAME -o json` (or `yaml`), or from a manifest.
 *
 * @throws {@link OperatorError} that does not quote the text
 */
export function readKubernetesSecret(text: string): SecretFields {
  const parsed = v.safeParse(secretSchema, parsedYaml(text));
  if (!parsed.success) throw unreadable(v.getDotPath(parsed.issues[0]) ?? undefined);
  const { data, stringData } = parsed.output;
  const decoded = Object.entries(data ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  // Like the cluster: stringData overrides data.
  return { ...Object.fromEntries(decoded), ...stringData };
}

function parsedYaml(text: string): unknown {
  try {
    // JSON is valid YAML.
    return parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
}

function unreadable(where: string | undefined): OperatorError {
  return new OperatorError(
    'NOT_A_KUBERNETES_SECRET',
    `what was given is not one Secret of Kubernetes${where === undefined ? '' : ` (see its ${where})`}`,
    'kubectl get secret NAME -n NAMESPACE -o json | mailctl secrets diff --kubernetes-file -',
  );
}

/** State of a field in a copy, compared with the source. */
export type Standing = 'same' | 'different' | 'missing';

export interface FieldStanding {
  readonly field: string;
  readonly standing: Standing;
}

/** Comparison of one copy of the secret with its source. Contains no values. */
export interface CopyComparison {
  readonly copy: string;
  readonly equal: boolean;
  readonly fields: readonly FieldStanding[];
  /** Additional fields in the copy; they may belong to other tools and do not count as a difference. */
  readonly others: readonly string[];
}

/** @param found the fields of the copy, with values of any type */
export function compareFields(
  source: SecretFields,
  copy: string,
  found: Readonly<Record<string, unknown>>,
): CopyComparison {
  const fields = Object.keys(source)
    .sort()
    .map((field) => ({ field, standing: compareField(source[field], found, field) }));
  return {
    copy,
    equal: fields.every(({ standing }) => standing === 'same'),
    fields,
    others: Object.keys(found)
      .filter((field) => !Object.hasOwn(source, field))
      .sort(),
  };
}

function compareField(
  wanted: string | undefined,
  found: Readonly<Record<string, unknown>>,
  field: string,
): Standing {
  if (!Object.hasOwn(found, field)) return 'missing';
  const value = found[field];
  // A port stored as a number reaches the API as the same text.
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return text === wanted ? 'same' : 'different';
}

export interface VaultFlags {
  readonly mount: string;
  /** Below the mount. @default the project name and "/ses" */
  readonly path?: string;
}

/**
 * The Vault KV store that the environment names.
 *
 * @throws {@link OperatorError} if the environment is invalid
 */
export async function openVault(env: Environment, mount: string): Promise<VaultKv> {
  return new VaultKv(await explainVaultFailure(readVaultSettings(env)), mount);
}

/** Without leading and trailing slashes. */
export const sesPathOf = ({ path }: Pick<VaultFlags, 'path'>, project: string) =>
  (path ?? `${project}/ses`).replace(/^\/+|\/+$/g, '');
