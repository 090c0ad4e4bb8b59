import type { VaultKv, VaultSecret } from '../../../adapters/vault/vault-kv.ts';
import { OperatorError } from '../../errors.ts';
import type { SecretFields } from '../../lookups/secrets.ts';
import { compareFields, type FieldStanding } from '../../lookups/secrets.ts';
import { explainVaultFailure } from '../../lookups/vault-failure.ts';

/** Effect of a write. Contains no values. */
export interface VaultPlan {
  /** Including the mount, as for `vault kv`. */
  readonly path: string;
  /** The current version; 0 if the secret never existed. */
  readonly version: number;
  readonly wasDeleted: boolean;
  readonly fields: readonly FieldStanding[];
  /** Other fields, which stay unchanged. */
  readonly kept: readonly string[];
  /** Our fields changed by another client since the last plan; its approval does not cover this plan. */
  readonly changedMeanwhile: readonly string[];
}

export interface VaultOutcome {
  readonly kind: 'written' | 'unchanged' | 'left';
  readonly path: string;
  /** The current version. */
  readonly version: number;
  readonly fields: readonly FieldStanding[];
}

export interface BringToVault {
  readonly kv: VaultKv;
  /** Below the mount. */
  readonly path: string;
  readonly wanted: SecretFields;
  /** Throws if the existing secret must not be changed. */
  readonly refuse?: (found: Readonly<Record<string, unknown>>) => void;
  /** Called before each write. */
  readonly approve: (plan: VaultPlan) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Each try loses a race with another writer. */
const MAX_TRIES = 5;

/**
 * Writes the fields to a Vault secret, and keeps its other fields. Writes with check-and-set on the version
 * it read and showed: after a concurrent write it reads, compares and asks again.
 *
 * @throws {@link OperatorError}
 */
export async function bringToVault({
  kv,
  path,
  wanted,
  refuse = () => {},
  approve,
  signal,
}: BringToVault): Promise<VaultOutcome> {
  let before: VaultSecret | undefined;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const secret = await explainVaultFailure(kv.read(path, signal));
    refuse(fieldsOf(secret));
    const plan = planOf(`${kv.mount}/${path}`, wanted, secret, before);
    const { version, fields } = plan;
    const outcome = { path: plan.path, version, fields };
    if (fields.every(({ standing }) => standing === 'same')) return { kind: 'unchanged', ...outcome };
    if (!(await approve(plan))) return { kind: 'left', ...outcome };
    signal.throwIfAborted();
    const write = await explainVaultFailure(
      kv.write(path, { ...fieldsOf(secret), ...wanted }, version, signal),
    );
    if (write.kind === 'written') return { kind: 'written', ...outcome, version: write.version };
    before = secret;
  }
  throw new OperatorError(
    'VAULT_BUSY',
    `another writer changed ${kv.mount}/${path} each time before this could, ${MAX_TRIES} times`,
    `find out what writes it (vault kv metadata get ${kv.mount}/${path} has the times), then run it again`,
  );
}

function planOf(
  path: string,
  wanted: SecretFields,
  secret: VaultSecret,
  before: VaultSecret | undefined,
): VaultPlan {
  const found = fieldsOf(secret);
  const { fields, others } = compareFields(wanted, 'vault', found);
  const earlier = before === undefined ? found : fieldsOf(before);
  return {
    path,
    version: secret.version,
    wasDeleted: secret.kind === 'deleted',
    fields,
    kept: others,
    changedMeanwhile: Object.keys(wanted)
      .filter((field) => earlier[field] !== found[field])
      .sort(),
  };
}

function fieldsOf(secret: VaultSecret): Readonly<Record<string, unknown>> {
  return secret.kind === 'present' ? secret.fields : {};
}
