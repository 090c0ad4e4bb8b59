import * as v from 'valibot';
import { addressKey, maskAddressesIn } from './address.ts';
import {
  BOUNCE_TYPES,
  type DeliveryStatus,
  isDelivery,
  isLoss,
  isSameStatus,
  mergeStatuses,
  type RecipientStatuses,
  STATUS_KINDS,
} from './delivery-status.ts';
import { type Receipt, toStatuses } from './receipt.ts';

/** What receipts have told of a delivery. */
export interface ReportedStatuses {
  readonly statuses: RecipientStatuses;
  /** The Message-ID headers that recipients see, sorted: SES writes its own for each part of a delivery. */
  readonly messageIds: readonly string[];
}

/** Adds what a receipt tells. Where it tells nothing new, the outcome is `told` itself. */
export function withReceipt(told: ReportedStatuses, receipt: Receipt): ReportedStatuses {
  const tells = toStatuses(receipt);
  // A delivery may have thousands of recipients, and a receipt names a few of them.
  const news = changedStatuses(
    told.statuses,
    mergeStatuses(renameStatuses(told.statuses, Object.keys(tells)), tells),
  );
  const { messageId } = receipt;
  const newId = messageId !== undefined && !told.messageIds.includes(messageId);
  if (Object.keys(news).length === 0 && !newId) return told;
  return {
    statuses: { ...told.statuses, ...news },
    messageIds: newId ? [...told.messageIds, messageId].sort() : told.messageIds,
  };
}

/** The statuses of these recipients alone, named by their keys. */
export function renameStatuses(statuses: RecipientStatuses, keys: readonly string[]): RecipientStatuses {
  return Object.fromEntries(
    keys.flatMap((key): [string, DeliveryStatus][] => {
      const status = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
      return status === undefined ? [] : [[key, status]];
    }),
  );
}

/** The statuses that are not as they were. */
export function changedStatuses(before: RecipientStatuses, after: RecipientStatuses): RecipientStatuses {
  return Object.fromEntries(
    Object.entries(after).filter(([key, status]) => {
      const known = Object.hasOwn(before, key) ? before[key] : undefined;
      return known === undefined || !isSameStatus(known, status);
    }),
  );
}

const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'a time'),
);

const storedStatusSchema = v.object({
  kind: v.picklist(STATUS_KINDS),
  at: moment,
  sesMessageId: v.optional(v.string()),
  smtpResponse: v.optional(v.string()),
  enhancedStatus: v.optional(v.string()),
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: v.string() })),
  reason: v.optional(v.string()),
  deliveredAt: v.optional(moment),
});

/** Reads the statuses that a row holds. What is none is left out: somebody else may have written there. */
export function readStoredStatuses(stored: unknown): RecipientStatuses {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).flatMap(([key, value]): [string, DeliveryStatus][] => {
      const parsed = v.safeParse(storedStatusSchema, value);
      return parsed.success ? [[key, parsed.output]] : [];
    }),
  );
}

/** Where a delivery stands that was handed over, all of its recipients taken together. */
export interface SesState {
  readonly status: 'sending' | 'delivered' | 'failed';
  /** Of one that is delivered: when the last recipient got it. ISO 8601. */
  readonly deliveredAt?: string;
  /** Of one that failed: why, and for how many; no address is whole in it. */
  readonly lastError?: string;
}

/** Who a delivery is for, as far as its attempts tell. */
export interface Attempted {
  readonly handedOver: readonly string[];
  readonly takenBySmtp: readonly string[];
}

/** As much of a server's answer as fits on a line. */
const MAX_RESPONSE_SHOWN = 200;

/** Each way to fail is told; there are few, unless a server words each refusal in its own way. */
const MAX_REASONS = 3;

/**
 * Derives the state from the statuses alone, so that it does not matter in which order they were told. Only what SES
 * says of a recipient counts: that it took the mail, or SMTP did for others, delivers nothing.
 *
 * @returns undefined where nobody was handed over
 */
export function deriveSesState(statuses: RecipientStatuses, attempted: Attempted): SesState | undefined {
  const handedOver = new Set(attempted.handedOver.map(addressKey));
  if (handedOver.size === 0) return undefined;
  const losses: (readonly [string, DeliveryStatus])[] = [];
  let deliveries = 0;
  let lastMs = 0;
  for (const key of handedOver) {
    const status = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
    if (status === undefined) continue;
    if (isLoss(status)) losses.push([key, status]);
    if (!isDelivery(status)) continue;
    deliveries += 1;
    lastMs = Math.max(lastMs, Date.parse(status.deliveredAt ?? status.at));
  }
  if (losses.length > 0) {
    const recipients = new Set([...handedOver, ...attempted.takenBySmtp.map(addressKey)]).size;
    return { status: 'failed', lastError: describeLosses(losses, recipients) };
  }
  if (deliveries < handedOver.size) return { status: 'sending' };
  return { status: 'delivered', deliveredAt: new Date(lastMs).toISOString() };
}

/** Recipients that were lost in the same way are told together, with the answer of one of their servers. */
function describeLosses(losses: readonly (readonly [string, DeliveryStatus])[], recipients: number): string {
  // Whatever the order of the recipients, the same words.
  const sorted = [...losses].sort(([one], [other]) => (one < other ? -1 : 1));
  const groups = new Map<string, DeliveryStatus[]>();
  for (const [, loss] of sorted) {
    const reason = reasonOf(loss);
    const group = groups.get(reason);
    if (group === undefined) groups.set(reason, [loss]);
    else group.push(loss);
  }
  const described = [...groups]
    .slice(0, MAX_REASONS)
    .map(([reason, lost]) => `${reason}${answerOf(lost)} for ${lost.length} of ${recipients} recipients`);
  const more = groups.size - MAX_REASONS;
  return [...described, ...(more > 0 ? [`and for ${more} more reasons`] : [])].join('; ');
}

/** `bounced (Permanent/General)`, `suppressed (complaint)`. */
function reasonOf({ kind, bounce, reason }: DeliveryStatus): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return detail === undefined ? kind : `${kind} (${detail})`;
}

function answerOf(lost: readonly DeliveryStatus[]): string {
  const response = lost.find(({ smtpResponse }) => smtpResponse !== undefined)?.smtpResponse;
  if (response === undefined) return '';
  const line = maskAddressesIn(response)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return `: ${line.slice(0, MAX_RESPONSE_SHOWN).toWellFormed()}`;
}
