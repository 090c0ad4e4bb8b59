import type { VaultKv, VaultSecret } from '../../../adapters/vault/vault-kv.ts';
import { OperatorError } from '../../errors.ts';
import type { SecretFields } from '../../lookups/secrets.ts';
import { compareFields, type FieldStanding } from '../../lookups/secrets.ts';
import { explainVaultFailure } from '../../lookups/vault-failure.ts';

/** What a write would do. No value is in it. */
export interface VaultPlan {
  /** With its mount, as `vault kv` takes it. */
  readonly path: string;
  /** What it would be written on top of; 0 where nothing was ever there. */
  readonly version: number;
  readonly wasDeleted: boolean;
  readonly fields: readonly FieldStanding[];
  /** Fields of others, which stay as they are. */
  readonly kept: readonly string[];
  /** Our fields that somebody else changed since the last plan was shown; a yes to that one is none to this. */
  readonly changedMeanwhile: readonly string[];
}

export interface VaultOutcome {
  readonly kind: 'written' | 'unchanged' | 'left';
  readonly path: string;
  /** The version that stands now. */
  readonly version: number;
  readonly fields: readonly FieldStanding[];
}

export interface BringToVault {
  readonly kv: VaultKv;
  /** Beneath the mount. */
  readonly path: string;
  readonly wanted: SecretFields;
  /** Throws where what is found there is not to be touched at all. */
  readonly refuse?: (found: Readonly<Record<string, unknown>>) => void;
  /** Asked before each write. */
  readonly approve: (plan: VaultPlan) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Each time somebody else was quicker. */
const MAX_TRIES = 5;

/**
 * Brings the fields to a secret of Vault, and leaves what else is in it. It writes only on top of the version that
 * it has read and shown: where somebody else has written meanwhile it reads, compares and asks anew.
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
    `somebody else wrote ${kv.mount}/${path} each time before this could, ${MAX_TRIES} times`,
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
