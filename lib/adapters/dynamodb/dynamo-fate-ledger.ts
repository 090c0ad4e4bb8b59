import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../ports/clock.ts';
import type { FateLedger, PartFates } from '../../ports/ledger.ts';
import type { LedgerOptions } from './dynamo-ledger.ts';
import { DynamoTable } from './dynamo-table.ts';
import { daysAfter, expiring } from './expiry.ts';
import { attributesOf } from './item-change.ts';
import { ledgerKey, partFatesOf } from './ledger-item.ts';

/** Writes what SES's events tell into the items of the ledger; whose claim is on a part is not its business. */
export class DynamoFateLedger implements FateLedger {
  readonly #table: DynamoTable;
  readonly #retentionDays: number;
  readonly #clock: Clock;

  constructor(client: DynamoDBClient, { retentionDays, ...table }: LedgerOptions, clock: Clock) {
    this.#table = new DynamoTable(client, table);
    this.#retentionDays = retentionDays;
    this.#clock = clock;
  }

  async read(deliveryId: string, part: number): Promise<PartFates | undefined> {
    const item = await this.#table.get(ledgerKey(deliveryId, part));
    return item === undefined ? undefined : partFatesOf(item);
  }

  async write(told: Parameters<FateLedger['write']>[0], before: number): Promise<boolean> {
    const { deliveryId, part, sesMessageId, sentAt, recipients, fates } = told;
    const change = {
      set: {
        state: 'sent',
        recipients,
        fates,
        fatesVersion: before + 1,
        ...expiring(daysAfter(this.#clock.now(), this.#retentionDays)),
      },
      setOnce: { sesMessageId, sentAt: sentAt.toISOString() },
    };
    const asRead = { fatesVersion: before === 0 ? undefined : before };
    const written = await this.#table.update(ledgerKey(deliveryId, part), change, asRead);
    return written || this.#hasWritten(told, before + 1);
  }

  /**
   * Where the answer was lost and the SDK asked again, the condition fails because of the first try. Whoever wrote
   * the same fates of the same recipients as the same version wrote what was to be written.
   */
  async #hasWritten(
    { deliveryId, part, recipients, fates }: Parameters<FateLedger['write']>[0],
    version: number,
  ): Promise<boolean> {
    const item = await this.#table.get(ledgerKey(deliveryId, part));
    const written = { recipients: item?.recipients, fates: item?.fates, fatesVersion: item?.fatesVersion };
    return isDeepStrictEqual(written, attributesOf({ recipients, fates, fatesVersion: version }));
  }
}
