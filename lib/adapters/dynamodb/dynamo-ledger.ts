import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../ports/clock.ts';
import type { Ledger, LedgerPart, NewPart, PartClaim, PartResult } from '../../ports/ledger.ts';
import { LEDGER_KEY } from './constants.ts';
import { DynamoTable, type TableOptions } from './dynamo-table.ts';
import { daysAfter, expiring } from './expiry.ts';
import { attributesOf, type Fields } from './item-change.ts';
import { claimFields, ledgerKey, ledgerPartition, ledgerPartOf, newPartFields } from './ledger-item.ts';

export interface LedgerOptions extends TableOptions {
  /** How long an item is kept after the last that was written to it. */
  readonly retentionDays: number;
}

/**
 * Keeps the ledger in a table of DynamoDB, an item for each part. What two Lambdas may both want is written on a
 * condition, so that one of them has it:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html#WorkingWithItems.ConditionalUpdate
 */
export class DynamoLedger implements Ledger {
  readonly #table: DynamoTable;
  readonly #retentionDays: number;
  readonly #clock: Clock;

  constructor(client: DynamoDBClient, { retentionDays, ...table }: LedgerOptions, clock: Clock) {
    this.#table = new DynamoTable(client, table);
    this.#retentionDays = retentionDays;
    this.#clock = clock;
  }

  async partsOf(deliveryId: string): Promise<LedgerPart[]> {
    const items = await this.#table.query({
      KeyConditionExpression: '#id = :id',
      ExpressionAttributeNames: { '#id': LEDGER_KEY.partition },
      ExpressionAttributeValues: attributesOf({ ':id': ledgerPartition(deliveryId) }),
      ConsistentRead: true,
    });
    return items.map(ledgerPartOf);
  }

  async open(part: NewPart): Promise<boolean> {
    const key = ledgerKey(part.deliveryId, part.part);
    const item = { ...key, ...newPartFields(part), ...this.#expiring() };
    const isNew = await this.#table.put(item, { [LEDGER_KEY.partition]: undefined });
    return isNew || this.#isClaimedBy(key, part.claim.token);
  }

  async claimAgain(part: LedgerPart, recipients: readonly string[], claim: PartClaim): Promise<boolean> {
    if (part.state === 'sent') return false;
    const key = ledgerKey(part.deliveryId, part.part);
    const asRead = { state: part.state, claim: part.claim?.token };
    const set = { ...claimFields(recipients, claim), ...this.#expiring() };
    return (await this.#table.update(key, { set }, asRead)) || this.#isClaimedBy(key, claim.token);
  }

  async settle(
    {
      deliveryId,
      part,
      token,
    }: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: PartResult,
  ): Promise<void> {
    const key = ledgerKey(deliveryId, part);
    if (result.kind === 'sent') {
      const { sesMessageId, sentAt } = result;
      await this.#table.update(key, {
        set: { state: 'sent', ...this.#expiring() },
        // An event may have told it before.
        setOnce: { sesMessageId, sentAt: sentAt.toISOString() },
      });
      return;
    }
    const claimEnds = result.kind === 'unknown' ? result.endedAt.toISOString() : undefined;
    const set = { state: result.kind, claimEnds, ...this.#expiring() };
    await this.#table.update(key, { set }, { state: 'sending', claim: token });
  }

  /**
   * The SDK repeats a call whose answer was lost, and then the condition fails because of the first try: whose
   * token stands in the item has the claim. Not where an event has since told that SES took the part before.
   */
  async #isClaimedBy(key: Fields, token: string): Promise<boolean> {
    const item = await this.#table.get(key);
    if (item === undefined) return false;
    const { state, claim } = ledgerPartOf(item);
    return state === 'sending' && claim?.token === token;
  }

  #expiring(): Fields {
    return expiring(daysAfter(this.#clock.now(), this.#retentionDays));
  }
}
