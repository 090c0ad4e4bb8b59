import { VaultKv } from '../../adapters/vault/vault-kv.ts';
import { type Environment, readVaultSettings } from '../../adapters/vault/vault-settings.ts';
import { tellVaultFailure } from './vault-failure.ts';

export interface VaultFlags {
  readonly mount: string;
  /** Beneath the mount. @default the project's name and "/ses" */
  readonly path?: string;
}

/**
 * The store of Vault that the environment names.
 *
 * @throws {@link OperatorError} where the environment is wrong
 */
export async function openVault(env: Environment, mount: string): Promise<VaultKv> {
  return new VaultKv(await tellVaultFailure(readVaultSettings(env)), mount);
}

/** Without the slashes that people put around a path. */
export const sesPathOf = ({ path }: Pick<VaultFlags, 'path'>, project: string) =>
  (path ?? `${project}/ses`).replace(/^\/+|\/+$/g, '');
