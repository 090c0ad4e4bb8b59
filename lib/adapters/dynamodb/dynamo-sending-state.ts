import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { FUSE_CAUSES } from '../../domain/reputation-fuse.ts';
import { INITIAL_SENDING_STATE, type SendingState } from '../../domain/sending-state.ts';
import type { SendingStateStore, StoredSendingState } from '../../ports/sending.ts';
import { LEDGER_KEY } from './constants.ts';
import { DynamoTable, type TableOptions } from './dynamo-table.ts';
import { type Attributes, parseItem } from './item.ts';

/** Deliveries have ids with a prefix. */
const KEY = { [LEDGER_KEY.partition]: 'sending', [LEDGER_KEY.sort]: 0 };

const milliseconds = v.pipe(v.number(), v.finite());

const stateSchema = v.object({
  line: v.object({
    nextSlotMs: milliseconds,
    normalDueMs: milliseconds,
    quota: v.optional(
      v.object({
        perSecond: v.pipe(v.number(), v.gtValue(0)),
        perDay: v.optional(v.number()),
        usedToday: v.number(),
        readAtMs: milliseconds,
      }),
    ),
    askedAtMs: v.optional(milliseconds),
    throttled: v.optional(v.object({ atMs: milliseconds, share: v.number() })),
  }),
  outage: v.optional(
    v.object({
      cause: v.string(),
      sinceMs: milliseconds,
      failures: v.number(),
      probeAtMs: v.optional(milliseconds),
    }),
  ),
  fuse: v.optional(
    v.object({
      cause: v.picklist(FUSE_CAUSES),
      rate: v.number(),
      trippedAtMs: milliseconds,
      resetUntilMs: v.optional(milliseconds),
    }),
  ),
});

const versionSchema = v.object({ version: v.number() });
const itemSchema = v.object({ version: v.number(), writer: v.string(), state: stateSchema });

/**
 * Keeps the state in one item of the ledger table. Each write is conditional on the version that was read, so
 * that two functions never take the same slot; DynamoDB takes 1,000 writes a second of one item, and there is
 * one for each stretch of mails, not for each mail.
 */
export class DynamoSendingState implements SendingStateStore {
  readonly #table: DynamoTable;

  constructor(client: DynamoDBClient, options: TableOptions) {
    this.#table = new DynamoTable(client, options);
  }

  async read(): Promise<StoredSendingState> {
    return toStored(await this.#table.get(KEY));
  }

  async write(state: SendingState, seen: StoredSendingState): Promise<StoredSendingState | undefined> {
    const version = seen.version + 1;
    const writer = randomUUID();
    const condition = { version: seen.version === 0 ? undefined : seen.version };
    if (await this.#table.put({ ...KEY, version, writer, state }, condition)) return { state, version };
    // If the response to a first attempt was lost, the item shows that it succeeded.
    const item = await this.#table.get(KEY);
    return item?.version?.N === String(version) && item.writer?.S === writer ? { state, version } : undefined;
  }
}

/** What cannot be read is replaced: it must not stop all mail, and is known again within a minute. */
function toStored(attributes: Attributes | undefined): StoredSendingState {
  if (attributes === undefined) return { state: INITIAL_SENDING_STATE, version: 0 };
  try {
    return parseItem(itemSchema, attributes, 'the sending state');
  } catch {
    const { version } = parseItem(versionSchema, attributes, 'the version of the sending state');
    return { state: INITIAL_SENDING_STATE, version };
  }
}
