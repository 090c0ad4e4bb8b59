import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { BOUNCE_TYPES, STATUS_KINDS } from '../../domain/delivery-status.ts';
import type {
  BatchClaim,
  BatchResult,
  BatchStatuses,
  Ledger,
  NewSendBatch,
  SendBatch,
  StatusLedger,
} from '../../ports/ledger.ts';
import type { Clock } from '../../ports/runtime.ts';
import { LEDGER_KEY } from './constants.ts';
import { DynamoTable, daysAfter, expiring, type TableOptions } from './dynamo-table.ts';
import { type Attributes, attributesOf, type Fields, parseItem } from './item.ts';

export interface LedgerOptions extends TableOptions {
  /** How long an item is kept after its last write. */
  readonly retentionDays: number;
}

/**
 * Keeps the ledger in a DynamoDB table, one item per send batch. Contended writes are conditional, so that
 * only one of two Lambdas succeeds:
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

  async partsOf(deliveryId: string): Promise<SendBatch[]> {
    const items = await this.#table.query({
      KeyConditionExpression: '#id = :id',
      ExpressionAttributeNames: { '#id': LEDGER_KEY.partition },
      ExpressionAttributeValues: attributesOf({ ':id': ledgerPartition(deliveryId) }),
      ConsistentRead: true,
    });
    return items.map(toSendBatch);
  }

  async open(part: NewSendBatch): Promise<boolean> {
    const key = ledgerKey(part.deliveryId, part.part);
    const item = { ...key, ...newPartFields(part), ...this.#expiring() };
    const isNew = await this.#table.put(item, { [LEDGER_KEY.partition]: undefined });
    return isNew || this.#isClaimedBy(key, part.claim.token);
  }

  async claimAgain(batch: SendBatch, recipients: readonly string[], claim: BatchClaim): Promise<boolean> {
    if (batch.state === 'sent') return false;
    const key = ledgerKey(batch.deliveryId, batch.part);
    const asRead = { state: batch.state, claim: batch.claim?.token };
    const set = { ...claimFields(recipients, claim), ...this.#expiring() };
    return (await this.#table.update(key, { set }, asRead)) || this.#isClaimedBy(key, claim.token);
  }

  async settle(
    {
      deliveryId,
      part,
      token,
    }: { readonly deliveryId: string; readonly part: number; readonly token: string },
    result: BatchResult,
  ): Promise<void> {
    const key = ledgerKey(deliveryId, part);
    if (result.kind === 'sent') {
      const { sesMessageId, sentAt } = result;
      await this.#table.update(key, {
        set: { state: 'sent', ...this.#expiring() },
        // An event may have reported it before.
        setOnce: { sesMessageId, sentAt: sentAt.toISOString() },
      });
      return;
    }
    const claimEnds = result.kind === 'unknown' ? result.endedAt.toISOString() : undefined;
    const set = { state: result.kind, claimEnds, ...this.#expiring() };
    await this.#table.update(key, { set }, { state: 'sending', claim: token });
  }

  /**
   * If a response is lost, the SDK retries, and the condition fails because of the first attempt: the token
   * in the item shows who has the claim. Not if an event has since reported that SES had already accepted the
   * batch.
   */
  async #isClaimedBy(key: Fields, token: string): Promise<boolean> {
    const item = await this.#table.get(key);
    if (item === undefined) return false;
    const { state, claim } = toSendBatch(item);
    return state === 'sending' && claim?.token === token;
  }

  #expiring(): Fields {
    return expiring(daysAfter(this.#clock.now(), this.#retentionDays));
  }
}

/** Writes the statuses from SES events to the ledger items, regardless of claims. */
export class DynamoStatusLedger implements StatusLedger {
  readonly #table: DynamoTable;
  readonly #retentionDays: number;
  readonly #clock: Clock;

  constructor(client: DynamoDBClient, { retentionDays, ...table }: LedgerOptions, clock: Clock) {
    this.#table = new DynamoTable(client, table);
    this.#retentionDays = retentionDays;
    this.#clock = clock;
  }

  async read(deliveryId: string, part: number): Promise<BatchStatuses | undefined> {
    const item = await this.#table.get(ledgerKey(deliveryId, part));
    return item === undefined ? undefined : toBatchStatuses(item);
  }

  async write(reported: Parameters<StatusLedger['write']>[0], before: number): Promise<boolean> {
    const { deliveryId, part, sesMessageId, sentAt, recipients, statuses } = reported;
    const change = {
      set: {
        state: 'sent',
        recipients,
        fates: statuses,
        fatesVersion: before + 1,
        ...expiring(daysAfter(this.#clock.now(), this.#retentionDays)),
      },
      setOnce: { sesMessageId, sentAt: sentAt.toISOString() },
    };
    const asRead = { fatesVersion: before === 0 ? undefined : before };
    const written = await this.#table.update(ledgerKey(deliveryId, part), change, asRead);
    return written || this.#hasWritten(reported, before + 1);
  }

  /**
   * If the response was lost and the SDK retried, the condition fails because of the first attempt. The same
   * statuses of the same recipients in the same version mean that this write succeeded, in this attempt or an
   * earlier one.
   */
  async #hasWritten(
    { deliveryId, part, recipients, statuses }: Parameters<StatusLedger['write']>[0],
    version: number,
  ): Promise<boolean> {
    const written = await this.read(deliveryId, part);
    return (
      written?.fatesVersion === version &&
      isDeepStrictEqual([written.recipients, written.statuses], [recipients, statuses])
    );
  }
}

/** Separates deliveries from other items in the table, whatever their ids. */
const DELIVERY_PREFIX = 'd#';

const text = v.optional(v.string());

const isoText = v.pipe(v.string(), v.isoTimestamp('an ISO 8601 time'));

const time = v.optional(
  v.pipe(
    isoText,
    v.transform((value) => new Date(value)),
  ),
);

const partSchema = v.object({
  [LEDGER_KEY.partition]: v.pipe(v.string(), v.startsWith(DELIVERY_PREFIX, 'the id of a delivery')),
  [LEDGER_KEY.sort]: v.number(),
  tenant: text,
  hash: text,
  recipients: v.optional(v.array(v.string()), []),
  state: v.picklist(['sending', 'sent', 'unknown', 'open', 'refused']),
  claim: text,
  claimedAt: time,
  claimEnds: time,
  sesMessageId: text,
  sentAt: time,
});

const statusSchema = v.object({
  kind: v.picklist(STATUS_KINDS),
  at: isoText,
  sesMessageId: text,
  smtpResponse: text,
  enhancedStatus: text,
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: v.string() })),
  reason: text,
  deliveredAt: v.optional(isoText),
});

const statusesSchema = v.object({
  ...partSchema.entries,
  fates: v.optional(v.record(v.string(), statusSchema), {}),
  fatesVersion: v.optional(v.number(), 0),
});

/** The partition key of all send batches of a delivery. */
function ledgerPartition(deliveryId: string): string {
  return `${DELIVERY_PREFIX}${deliveryId}`;
}

function ledgerKey(deliveryId: string, part: number): Fields {
  return { [LEDGER_KEY.partition]: ledgerPartition(deliveryId), [LEDGER_KEY.sort]: part };
}

/** The non-key attributes of a new send batch. */
function newPartFields({ tenantId, contentSha256, recipients, claim }: NewSendBatch): Fields {
  return { tenant: tenantId, hash: contentSha256, ...claimFields(recipients, claim) };
}

/** The attributes that a claim writes. */
function claimFields(recipients: readonly string[], { token, startedAt, endsAt }: BatchClaim): Fields {
  return {
    recipients,
    state: 'sending',
    claim: token,
    claimedAt: startedAt.toISOString(),
    claimEnds: endsAt.toISOString(),
  };
}

/** @throws {@link DamagedItemError} */
function toSendBatch(attributes: Attributes): SendBatch {
  return batchOf(parseItem(partSchema, attributes, nameOf(attributes)));
}

/** @throws {@link DamagedItemError} */
function toBatchStatuses(attributes: Attributes): BatchStatuses {
  const item = parseItem(statusesSchema, attributes, nameOf(attributes));
  return { ...batchOf(item), statuses: item.fates, fatesVersion: item.fatesVersion };
}

function batchOf(item: v.InferOutput<typeof partSchema>): SendBatch {
  return {
    deliveryId: item.id.slice(DELIVERY_PREFIX.length),
    part: item.part,
    tenantId: item.tenant,
    contentSha256: item.hash,
    recipients: item.recipients,
    state: item.state,
    claim: claimOf(item),
    sesMessageId: item.sesMessageId,
    sentAt: item.sentAt,
  };
}

function claimOf({ claim, claimedAt, claimEnds }: v.InferOutput<typeof partSchema>): BatchClaim | undefined {
  if (claim === undefined || claimedAt === undefined || claimEnds === undefined) return undefined;
  return { token: claim, startedAt: claimedAt, endsAt: claimEnds };
}

function nameOf(attributes: Attributes): string {
  const part = attributes[LEDGER_KEY.sort]?.N ?? '?';
  return `part ${part} of ${attributes[LEDGER_KEY.partition]?.S ?? '?'} in the ledger`;
}
