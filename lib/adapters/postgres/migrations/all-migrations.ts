import { outboundDeliveries } from './0001-outbound-deliveries.ts';
import { mailAndLease } from './0002-mail-and-lease.ts';
import { claimIndexes } from './0003-claim-indexes.ts';
import { notifyOfArrivals } from './0004-notify.ts';
import { fatesAwaited } from './0005-fates-awaited.ts';
import type { Migration } from './migration.ts';

/** In the order in which they are applied. New ones go to the end; released ones do not change. */
export const allMigrations: readonly Migration[] = [
  outboundDeliveries,
  mailAndLease,
  claimIndexes,
  notifyOfArrivals,
  fatesAwaited,
];
