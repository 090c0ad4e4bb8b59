import { domainToUnicode } from 'node:url';
import { addressKey } from '../../domain/address.ts';
import type { DeliveryFilter, RowState } from '../../domain/delivery-filter.ts';
import { localPartOf } from './apply-receipts.ts';
import { ON_HOLD } from './held-rows.ts';
import { MAX_ADDRESS_CHARACTERS, MESSAGE_ID_HASH, OUT_OF_HAND } from './migrations.ts';

/** What is looked for, and where the page begins. */
export interface RowSearch extends DeliveryFilter {
  /** A recipient: To, Cc or Bcc, or one that a status names. */
  readonly to?: string | undefined;
  /** An id, or a Message-ID: the mail's own, or one that SES gave it. If there is none such, the beginning of an id. */
  readonly id?: string | undefined;
  /** Where the page before ended. */
  readonly after?: RowPlace | undefined;
  readonly limit: number;
}

/** The place of a row in the order of time, with the microseconds that a `Date` does not have. */
export interface RowPlace {
  /** ISO 8601. */
  readonly createdAt: string;
  readonly id: string;
}

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

export const STATE = `CASE WHEN ${ON_HOLD} THEN 'on-hold' ELSE coalesce(status, '') END`;

/** Each in the form that an index has. */
const IN_STATE: Readonly<Record<RowState, string>> = {
  queued: `status = 'queued' AND NOT ${ON_HOLD}`,
  'on-hold': `status = 'queued' AND next_retry_at = 'infinity' AND ${ON_HOLD}`,
  sending: `status = 'sending'`,
  delivered: `status = 'delivered'`,
  failed: `status = 'failed'`,
};

/** More ids with the same beginning are found on the way through the rows, newest first, and not by their index. */
const MAX_BY_INDEX = 1_000;

/** How an id is compared. */
type IdIs = 'whole' | 'beginning';

/**
 * The statement of a search. What may be found in several ways is looked for in each of them, each with all conditions
 * and its own limit, so that every one is a walk along one index that ends after a page.
 */
export function searchStatement(search: RowSearch, columns: string, idIs: IdIs = 'whole'): Statement {
  const values: unknown[] = [];
  const value: Value = (one, type) => `$${values.push(one)}::${type}`;
  const conditions = conditionsOf(search, value);
  const limit = value(search.limit, 'int');
  const page = (condition: string) => `(
    SELECT id, created_at FROM outbound_deliveries
    WHERE ${[condition, ...conditions].join('\n      AND ')}
    ORDER BY created_at DESC, id DESC
    LIMIT ${limit}
  )`;
  const { ways, first = '' } = waysTo(search, idIs, value);
  const text = `
WITH ${first} found AS MATERIALIZED (
  ${ways.map(page).join('\n  UNION\n  ')}
)
SELECT ${columns}
FROM outbound_deliveries
WHERE id = ANY (ARRAY(SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT ${limit}))
ORDER BY created_at DESC, id DESC`;
  return { text, values };
}

type Value = (one: unknown, type: string) => string;

function conditionsOf({ tenantId, state, failureClass, from, until, after }: RowSearch, value: Value) {
  return [
    // Rows without a time have no place in the order.
    'isfinite(created_at)',
    ...(tenantId === undefined ? [] : [`tenant_id = ${value(tenantId, 'text')}`]),
    ...(state === undefined ? [] : [IN_STATE[state]]),
    ...(failureClass === undefined ? [] : [`search_class = ${value(failureClass, 'text')}`]),
    ...(from === undefined ? [] : [`created_at >= ${value(from, 'timestamptz')}`]),
    ...(until === undefined ? [] : [`created_at < ${value(until, 'timestamptz')}`]),
    ...(after === undefined
      ? []
      : [`(created_at, id) < (${value(after.createdAt, 'timestamptz')}, ${value(after.id, 'text')})`]),
  ];
}

interface Ways {
  /** One condition for each way. */
  readonly ways: readonly string[];
  /** A common table expression that they need. */
  readonly first?: string;
}

function waysTo({ to, id }: RowSearch, idIs: IdIs, value: Value): Ways {
  const recipient = to === undefined ? undefined : waysToRecipient(to, value);
  if (id === undefined) return { ways: recipient ?? ['true'] };
  const byId = idIs === 'whole' ? { ways: waysToId(id, value) } : waysToBeginning(id, value);
  if (recipient === undefined) return byId;
  const any = recipient.map((way) => `(${way})`).join(' OR ');
  return { ...byId, ways: byId.ways.map((way) => `${way} AND (${any})`) };
}

function waysToRecipient(address: string, value: Value): string[] {
  return spellings(address.trim().toLowerCase()).flatMap((spelling) => {
    const key = value([...spelling].slice(0, MAX_ADDRESS_CHARACTERS).join(''), 'text');
    const short = (column: string) => `left(${column}, ${MAX_ADDRESS_CHARACTERS}) = ${key}`;
    return [
      short('lower(target_address)'),
      `search_addresses IS NOT NULL AND search_addresses @> ARRAY[${key}]`,
      `id = ANY (ARRAY(SELECT delivery_id FROM outbound_recipients WHERE ${short('recipient')}))`,
    ];
  });
}

/** A domain in another script is in the mail as the API wrote it, and in the statuses in ASCII. */
function spellings(address: string): string[] {
  const at = address.lastIndexOf('@');
  const inItsScript = `${address.slice(0, at + 1)}${domainToUnicode(address.slice(at + 1))}`;
  return [...new Set([address, addressKey(address), ...(at < 1 ? [] : [inItsScript])])];
}

/** As many digits of the hash as a Message-ID has (`compositionMark`). */
const OWN_MESSAGE_ID = /^[0-9a-f]{40}$/;

function waysToId(text: string, value: Value): string[] {
  const wanted = text.trim();
  const messageId = value(localPartOf(wanted), 'text');
  return [
    `id = ${value(wanted, 'text')}`,
    `search_message_ids IS NOT NULL AND search_message_ids @> ARRAY[${messageId}]`,
    ...(OWN_MESSAGE_ID.test(localPartOf(wanted)) ? [isOwnMessageId(messageId)] : []),
  ];
}

/** Only in the collation C an index leads to the beginning of an id; in others all ids are read from it. */
function waysToBeginning(text: string, value: Value): Ways {
  const begins = `starts_with(id, ${value(text.trim(), 'text')})`;
  const many = `(SELECT count(*) FROM named) = ${MAX_BY_INDEX}`;
  return {
    first: `named AS MATERIALIZED (
  SELECT id FROM outbound_deliveries WHERE ${begins} LIMIT ${MAX_BY_INDEX}
),`,
    ways: [`NOT ${many} AND id = ANY (ARRAY(SELECT id FROM named))`, `${many} AND ${begins}`],
  };
}

function isOwnMessageId(hash: string): string {
  return `${OUT_OF_HAND}
      AND substr(${MESSAGE_ID_HASH}, 1, 8) = substr(decode(${hash}, 'hex'), 1, 8)
      AND substr(${MESSAGE_ID_HASH}, 1, 20) = decode(${hash}, 'hex')`;
}
