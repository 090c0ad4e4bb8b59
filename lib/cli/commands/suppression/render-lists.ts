import { maskAddress } from '../../../domain/address.ts';
import type { SoftBouncePolicy } from '../../../domain/suppression.ts';
import type { AddressChange, ListChange } from '../../lookups/change-suppression.ts';
import type { ListedAddress, Listing, UnavailableList } from '../../lookups/suppression-lists.ts';
import { type Terminal, timeAndAge } from '../../terminal.ts';

type ListName = UnavailableList['list'];

/** An address in the result. */
export interface ShownAddress {
  readonly address: string;
  /** As far as known: `unknown` if it is on no list that responded, and one list failed. */
  readonly where: 'pipeline' | 'ses' | 'both' | 'neither' | 'unknown';
  /** The lists that could not be queried; absent if both responded. */
  readonly notAsked?: readonly ListName[] | undefined;
  /** The pipeline's reason if there is one: SES has only two. */
  readonly reason?: string | undefined;
  /** ISO 8601. */
  readonly since?: string | undefined;
  readonly deliveryId?: string | undefined;
}

/** @param whole whether to show addresses unmasked */
export function shownListing({ addresses, unavailable }: Listing, whole: boolean) {
  const notAsked = unavailable.map(({ list }) => list);
  return { addresses: addresses.map((one) => shownAddress(one, notAsked, whole)), unavailable };
}

export function renderListing(
  terminal: Terminal,
  { addresses, unavailable }: ReturnType<typeof shownListing>,
  policy: SoftBouncePolicy,
): string {
  const { softBounces, windowDays } = policy;
  return [
    addresses.length === 0 ? emptyText(unavailable) : addressTable(terminal, addresses),
    '',
    `Soft bounces suppress from ${softBounces} within ${windowDays} days on. SES's list is that of the whole account.`,
    ...unavailable.map((list) => renderUnavailable(terminal, list)),
  ].join('\n');
}

/** Shown before the confirmation prompt. */
export function renderPreview(terminal: Terminal, listing: Listing): string {
  const { addresses, unavailable } = shownListing(listing, true);
  return [
    addressTable(terminal, addresses),
    ...unavailable.map((list) => renderUnavailable(terminal, list)),
  ].join('\n');
}

export function renderChanges(terminal: Terminal, changes: readonly AddressChange[]): string {
  const rows = changes.map(({ address, pipeline, ses }) => [
    address,
    renderChange(terminal, pipeline),
    renderChange(terminal, ses),
  ]);
  const fixes = changes.flatMap(({ pipeline, ses }) =>
    [pipeline, ses].flatMap((change) => (change.kind === 'failed' ? `fix: ${change.failure.fix}` : [])),
  );
  return [terminal.table(['address', 'pipeline', 'SES'], rows), ...new Set(fixes)].join('\n');
}

/** A list that could not be queried may have any address. */
function emptyText(unavailable: readonly UnavailableList[]): string {
  const notAsked = unavailable.map(({ list }) => list);
  const asked = LISTS.filter((list) => !notAsked.includes(list));
  if (asked.length === LISTS.length) return 'No address is suppressed.';
  const known = asked.map((list) => `No address is on the list of ${LIST_WORDS[list]}. `);
  return `${known.join('')}Not asked: ${wordsOf(notAsked)}.`;
}

function shownAddress(
  { address, pipeline, ses }: ListedAddress,
  notAsked: readonly ListName[],
  whole: boolean,
): ShownAddress {
  const entry = pipeline ?? ses;
  return {
    address: whole ? address : maskAddress(address),
    where: whereOf(pipeline !== undefined, ses !== undefined, notAsked),
    notAsked: notAsked.length === 0 ? undefined : notAsked,
    reason: entry?.reason,
    since: entry?.since.toISOString(),
    deliveryId: pipeline?.deliveryId,
  };
}

function whereOf(pipeline: boolean, ses: boolean, notAsked: readonly ListName[]): ShownAddress['where'] {
  if (pipeline && ses) return 'both';
  if (pipeline) return 'pipeline';
  if (ses) return 'ses';
  return notAsked.length === 0 ? 'neither' : 'unknown';
}

const LISTS = ['pipeline', 'ses'] as const;
const LIST_WORDS = { pipeline: 'the pipeline', ses: 'SES' } as const;
const WHERE_WORDS = {
  pipeline: 'pipeline',
  ses: 'SES',
  both: 'both',
  neither: 'neither',
  unknown: 'unknown',
} as const;

const wordsOf = (lists: readonly ListName[]) => lists.map((list) => LIST_WORDS[list]).join(', ');

/** `pipeline; not asked: SES`, and `not on that of the pipeline; not asked: SES`. */
function whereText({ where, notAsked = [] }: ShownAddress): string {
  if (notAsked.length === 0) return WHERE_WORDS[where];
  const asked = LISTS.filter((list) => !notAsked.includes(list));
  const known =
    where === 'unknown' ? asked.map((list) => `not on that of ${LIST_WORDS[list]}`) : [WHERE_WORDS[where]];
  return [...known, `not asked: ${wordsOf(notAsked)}`].join('; ');
}

function addressTable(terminal: Terminal, addresses: readonly ShownAddress[]): string {
  return terminal.table(
    ['address', 'reason', 'since', 'delivery', 'where'],
    addresses.map((one) => {
      const { address, reason = '-', since, deliveryId = '-' } = one;
      const time = since === undefined ? '-' : timeAndAge(new Date(since), new Date());
      return [address, reason, time, deliveryId, whereText(one)];
    }),
  );
}

function renderUnavailable(terminal: Terminal, { list, failure }: UnavailableList): string {
  const what = terminal.paint('yellow', `${WHERE_WORDS[list]}: its list could not be asked`);
  return `${what}: ${failure.message}\n  fix: ${failure.fix}`;
}

function renderChange(terminal: Terminal, change: ListChange): string {
  switch (change.kind) {
    case 'done':
      return terminal.paint('green', 'done');
    case 'unchanged':
      return 'as it was';
    case 'failed':
      return `${terminal.paint('red', 'failed')}: ${change.failure.message}`;
  }
}
