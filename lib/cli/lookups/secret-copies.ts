import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CommandContext } from '../context.ts';
import { OperatorError } from '../errors.ts';
import type { CopyComparison, SecretFields, VaultFlags } from './secrets.ts';
import { compareFields, openVault, readKubernetesSecret, sesPathOf } from './secrets.ts';
import { explainVaultFailure } from './vault-failure.ts';

/** Compares the Vault secret with the source; a missing secret counts as having no fields. */
export async function compareWithVault(
  { env, deployment, signal }: Pick<CommandContext, 'env' | 'deployment' | 'signal'>,
  flags: VaultFlags,
  source: SecretFields,
): Promise<CopyComparison> {
  const kv = await openVault(env, flags.mount);
  const secret = await explainVaultFailure(kv.read(sesPathOf(flags, deployment.project), signal));
  return compareFields(source, 'vault', secret.kind === 'present' ? secret.fields : {});
}

/** @returns undefined if no file was given. @throws {@link OperatorError} */
export async function kubernetesFields(
  { kubernetesFile }: { readonly kubernetesFile?: string },
  input: Readable,
  signal: AbortSignal,
): Promise<SecretFields | undefined> {
  if (kubernetesFile === undefined) return undefined;
  if (kubernetesFile === '-') return readKubernetesSecret(await text(addAbortSignal(signal, input)));
  const content = await readFile(kubernetesFile, { encoding: 'utf8', signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new OperatorError(
      'FILE_UNREADABLE',
      `${kubernetesFile} cannot be read`,
      'name a file that can be read',
      {
        cause,
      },
    );
  });
  return readKubernetesSecret(content);
}
