import { awsErrorCode } from '../../adapters/aws-client.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import type { FixHints } from '../hints.ts';
import type { ListedAddress, SuppressionLists } from './suppression-lists.ts';

export type ListChange =
  | { readonly kind: 'done' }
  /** Already in the desired state. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly failure: DescribedFailure };

export interface AddressChange {
  readonly address: string;
  readonly pipeline: ListChange;
  readonly ses: ListChange;
}

/** Dependencies of a change. */
export interface ChangeSurroundings {
  readonly lists: SuppressionLists;
  readonly now: Date;
  readonly commands: FixHints;
  readonly signal: AbortSignal;
  /** Called after each address. */
  readonly onDone?: (done: number) => void;
}

/**
 * Suppresses addresses in both lists. Permanent entries stay as they are: a complaint outweighs a manual
 * entry. Soft bounces expire, so an address suppressed for them is added.
 */
export function suppress(
  listed: readonly ListedAddress[],
  surroundings: ChangeSurroundings,
): Promise<AddressChange[]> {
  const { lists, now, signal, commands } = surroundings;
  return eachInTurn(listed, surroundings, async ({ address, pipeline, ses }) => ({
    address,
    pipeline:
      pipeline === undefined || pipeline.reason === 'soft-bounces'
        ? await attempt(() => lists.entries.add(address, now), commands)
        : UNCHANGED,
    ses: ses === undefined ? await attempt(() => lists.account.add(address, signal), commands) : UNCHANGED,
  }));
}

/**
 * Removes addresses from both lists. Updates the pipeline's list even if only SES's has the address: the
 * event that suppressed it may still be on its way to the pipeline.
 */
export function unsuppress(
  listed: readonly ListedAddress[],
  surroundings: ChangeSurroundings,
): Promise<AddressChange[]> {
  const { lists, now, signal, commands } = surroundings;
  return eachInTurn(listed, surroundings, async ({ address }) => ({
    address,
    pipeline: await attempt(() => lists.entries.remove(address, now), commands),
    ses: await attempt(() => lists.account.remove(address, signal), commands),
  }));
}

const UNCHANGED: ListChange = { kind: 'unchanged' };

async function eachInTurn(
  listed: readonly ListedAddress[],
  { signal, onDone = () => {} }: ChangeSurroundings,
  change: (address: ListedAddress) => Promise<AddressChange>,
): Promise<AddressChange[]> {
  const changes: AddressChange[] = [];
  for (const one of listed) {
    signal.throwIfAborted();
    changes.push(await change(one));
    onDone(changes.length);
  }
  signal.throwIfAborted();
  return changes;
}

/** If one list fails, the other is still changed. */
async function attempt(change: () => Promise<void>, commands: FixHints): Promise<ListChange> {
  try {
    await change();
    return { kind: 'done' };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error, commands) };
  }
}

function failureOf(error: unknown, commands: FixHints): DescribedFailure {
  const failure = describeFailure(error, commands);
  const isSandbox = awsErrorCode(error) === 'BadRequestException' && /sandbox/i.test(failure.message);
  if (!isSandbox) return failure;
  const leave = commands.mailctl('production-access');
  const fix = `in the sandbox SES takes none for its list (the pipeline obeys its own): ${leave}`;
  return { ...failure, fix };
}
