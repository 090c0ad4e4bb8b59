import * as v from 'valibot';
import { BOUNCE_TYPES, FATE_KINDS } from '../../message/fate.ts';
import type { LedgerPart, NewPart, PartClaim, PartFates } from '../../ports/ledger.ts';
import { LEDGER_KEY } from './constants.ts';
import type { Fields } from './item-change.ts';
import { type Attributes, parseItem } from './parse-item.ts';

/** Keeps deliveries apart from what else is in the table, whatever their ids are. */
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

const fateSchema = v.object({
  kind: v.picklist(FATE_KINDS),
  at: isoText,
  sesMessageId: text,
  smtpResponse: text,
  enhancedStatus: text,
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: v.string() })),
  reason: text,
  deliveredAt: v.optional(isoText),
});

const fatesSchema = v.object({
  ...partSchema.entries,
  fates: v.optional(v.record(v.string(), fateSchema), {}),
  fatesVersion: v.optional(v.number(), 0),
});

/** What identifies all parts of a delivery. */
export function ledgerPartition(deliveryId: string): string {
  return `${DELIVERY_PREFIX}${deliveryId}`;
}

export function ledgerKey(deliveryId: string, part: number): Fields {
  return { [LEDGER_KEY.partition]: ledgerPartition(deliveryId), [LEDGER_KEY.sort]: part };
}

/** What the item of a part has beside its key when it is claimed for the first time. */
export function newPartFields({ tenantId, contentSha256, recipients, claim }: NewPart): Fields {
  return { tenant: tenantId, hash: contentSha256, ...claimFields(recipients, claim) };
}

/** What a claim writes. */
export function claimFields(recipients: readonly string[], { token, startedAt, endsAt }: PartClaim): Fields {
  return {
    recipients,
    state: 'sending',
    claim: token,
    claimedAt: startedAt.toISOString(),
    claimEnds: endsAt.toISOString(),
  };
}

/** @throws {@link DamagedItemError} */
export function ledgerPartOf(attributes: Attributes): LedgerPart {
  return partOf(parseItem(partSchema, attributes, nameOf(attributes)));
}

/** @throws {@link DamagedItemError} */
export function partFatesOf(attributes: Attributes): PartFates {
  const item = parseItem(fatesSchema, attributes, nameOf(attributes));
  return { ...partOf(item), fates: item.fates, fatesVersion: item.fatesVersion };
}

function partOf(item: v.InferOutput<typeof partSchema>): LedgerPart {
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

function claimOf({ claim, claimedAt, claimEnds }: v.InferOutput<typeof partSchema>): PartClaim | undefined {
  if (claim === undefined || claimedAt === undefined || claimEnds === undefined) return undefined;
  return { token: claim, startedAt: claimedAt, endsAt: claimEnds };
}

function nameOf(attributes: Attributes): string {
  const part = attributes[LEDGER_KEY.sort]?.N ?? '?';
  return `part ${part} of ${attributes[LEDGER_KEY.partition]?.S ?? '?'} in the ledger`;
}
