import { maskAddress } from '../../message/address.ts';
import type { SoftBouncePolicy } from '../../message/suppression.ts';
import type { Terminal } from '../terminal.ts';
import type { AddressChange, ListChange } from './change-lists.ts';
import type { ListedAddress, Listing, UnavailableList } from './suppression-lists.ts';

/** An address as the result tells of it. */
export interface ShownAddress {
  readonly address: string;
  readonly where: 'pipeline' | 'ses' | 'both' | 'neither';
  /** The pipeline's where it has one: SES knows two reasons alone. */
  readonly reason?: string | undefined;
  /** ISO 8601. */
  readonly since?: string | undefined;
  readonly deliveryId?: string | undefined;
}

/** @param whole whether addresses are shown as they are @default masked */
export function shownListing({ addresses, unavailable }: Listing, whole: boolean) {
  return { addresses: addresses.map((one) => shownAddress(one, whole)), unavailable };
}

export function renderListing(
  terminal: Terminal,
  { addresses, unavailable }: ReturnType<typeof shownListing>,
  policy: SoftBouncePolicy,
): string {
  const { softBounces, windowDays } = policy;
  return [
    addresses.length === 0 ? 'No address is suppressed.' : addressTable(terminal, addresses),
    '',
    `Soft bounces suppress from ${softBounces} within ${windowDays} days on. SES's list is that of the whole account.`,
    ...unavailable.map((list) => renderUnavailable(terminal, list)),
  ].join('\n');
}

/** What a person sees before the question. */
export function renderPreview(terminal: Terminal, { addresses, unavailable }: Listing): string {
  return [
    addressTable(
      terminal,
      addresses.map((one) => shownAddress(one, true)),
    ),
    ...unavailable.map((list) => renderUnavailable(terminal, list)),
  ].join('\n');
}

export function renderChanges(terminal: Terminal, changes: readonly AddressChange[]): string {
  const rows = changes.map(({ address, pipeline, ses }) => [
    address,
    renderChange(terminal, pipeline),
    renderChange(terminal, ses),
  ]);
  const mends = changes.flatMap(({ pipeline, ses }) =>
    [pipeline, ses].flatMap((change) => (change.kind === 'failed' ? `mend: ${change.failure.mend}` : [])),
  );
  return [terminal.table(['address', 'pipeline', 'SES'], rows), ...new Set(mends)].join('\n');
}

function shownAddress({ address, pipeline, ses }: ListedAddress, whole: boolean): ShownAddress {
  const entry = pipeline ?? ses;
  return {
    address: whole ? address : maskAddress(address),
    where: whereOf(pipeline !== undefined, ses !== undefined),
    reason: entry?.reason,
    since: entry?.since.toISOString(),
    deliveryId: pipeline?.deliveryId,
  };
}

function whereOf(pipeline: boolean, ses: boolean): ShownAddress['where'] {
  if (pipeline && ses) return 'both';
  if (pipeline) return 'pipeline';
  return ses ? 'ses' : 'neither';
}

const WHERE_WORDS = { pipeline: 'pipeline', ses: 'SES', both: 'both', neither: 'neither' } as const;

function addressTable(terminal: Terminal, addresses: readonly ShownAddress[]): string {
  return terminal.table(
    ['address', 'reason', 'since', 'delivery', 'where'],
    addresses.map(({ address, where, reason = '-', since = '-', deliveryId = '-' }) => [
      address,
      reason,
      since,
      deliveryId,
      WHERE_WORDS[where],
    ]),
  );
}

function renderUnavailable(terminal: Terminal, { list, failure }: UnavailableList): string {
  const what = terminal.paint('yellow', `${WHERE_WORDS[list]}: its list could not be asked`);
  return `${what}: ${failure.message}\n  mend: ${failure.mend}`;
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
