import { OperatorError } from '../operator-error.ts';
import type { SecretFields } from './secret-fields.ts';

export interface VaultPlace {
  /** With its mount, as `vault kv` takes it. */
  readonly path: string;
  /** What tells the command to write there all the same. */
  readonly samePath: string;
  /** What tells it to write to a path of this stage alone. */
  readonly ownPath: string;
}

/**
 * Dev and prod may share a Vault, and the default path names no stage: a deployment does not take the place of another
 * by default. They are told apart by their fallback queues.
 *
 * @throws {@link OperatorError}
 */
export function refuseOtherDeployment(
  found: Readonly<Record<string, unknown>>,
  wanted: SecretFields,
  { path, samePath, ownPath }: VaultPlace,
): void {
  const { FALLBACK_QUEUE_URL: theirs } = found;
  if (typeof theirs !== 'string' || theirs === '' || theirs === wanted.FALLBACK_QUEUE_URL) return;
  throw new OperatorError(
    'OTHER_DEPLOYMENT',
    `${path} holds the settings of another deployment (its queue: ${queueName(theirs)}); it was left as it is`,
    `give this stage a path of its own: ${ownPath}; or, to replace them all the same: ${samePath}`,
  );
}

/** What is no URL of a queue may be a value that somebody put into the wrong field. */
function queueName(url: string): string {
  return /^https?:\/\/[\w.:-]+\/\w+\/([\w-]{1,80}(?:\.fifo)?)$/.exec(url)?.[1] ?? 'not a URL of one';
}
