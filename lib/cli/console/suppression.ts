import type {
  SuppressionChange,
  SuppressionDesk,
  SuppressionEntry,
  SuppressionListing,
} from '../../console/sources/suppression.ts';
import { pipelineOutputs } from '../deployment.ts';
import { type AddressChange, type ListChange, suppress, unsuppress } from '../lookups/change-suppression.ts';
import {
  allListed,
  DEFAULT_SOFT_BOUNCES,
  type ListedAddress,
  type Listing,
  lookUp,
  openSuppressionLists,
} from '../lookups/suppression-lists.ts';
import type { ConsoleAccess } from './access.ts';

/** Both suppression lists, by the same steps as `mailctl suppression`. */
export function openSuppression(access: ConsoleAccess): SuppressionDesk {
  const { aws, deployment, commands, clock } = access;
  const open = async (signal: AbortSignal) =>
    openSuppressionLists(
      aws,
      await pipelineOutputs(await aws.cloudFormation(), deployment, signal),
      DEFAULT_SOFT_BOUNCES,
    );
  const change = async (
    address: string,
    how: typeof suppress,
    signal: AbortSignal,
  ): Promise<SuppressionChange> => {
    const [lists, now] = [await open(signal), clock.now()];
    const { addresses } = await lookUp(lists, [address], now, signal);
    const [changed] = await how(addresses, { lists, now, commands, signal });
    if (changed === undefined) throw new Error('the lists did not say what became of the address');
    return changeView(changed);
  };
  return {
    all: async (signal) => listingView(await allListed(await open(signal), clock.now(), signal)),
    lookUp: async (addresses, signal) =>
      listingView(await lookUp(await open(signal), addresses, clock.now(), signal)),
    add: (address, signal) => change(address, suppress, signal),
    remove: (address, signal) => change(address, unsuppress, signal),
  };
}

function listingView({ addresses, unavailable }: Listing): SuppressionListing {
  return {
    entries: addresses.map(entryView),
    unavailable: unavailable.map(({ list, failure: { message, fix } }) => ({ list, why: message, fix })),
  };
}

function entryView({ address, pipeline, ses }: ListedAddress): SuppressionEntry {
  return {
    address,
    pipeline: pipeline && { reason: pipeline.reason, since: pipeline.since, deliveryId: pipeline.deliveryId },
    ses: ses && { reason: ses.reason, since: ses.since, deliveryId: undefined },
  };
}

function changeView({ pipeline, ses }: AddressChange): SuppressionChange {
  return { pipeline: listChange(pipeline), ses: listChange(ses) };
}

function listChange(change: ListChange): SuppressionChange['ses'] {
  return change.kind === 'failed'
    ? { kind: 'failed', why: change.failure.message, fix: change.failure.fix }
    : { kind: change.kind };
}
