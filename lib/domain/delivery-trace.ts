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

/** What receipts have reported about a delivery. */
export interface ReportedStatuses {
  readonly statuses: RecipientStatuses;
  /** The Message-ID headers that recipients see, sorted: SES writes its own for each send batch. */
  readonly messageIds: readonly string[];
}

/** Applies a receipt. If it reports nothing new, returns the same `reported` object. */
export function withReceipt(reported: ReportedStatuses, receipt: Receipt): ReportedStatuses {
  const statuses = toStatuses(receipt);
  // A delivery may have thousands of recipients, but a receipt names only a few of them.
  const news = changedStatuses(
    reported.statuses,
    mergeStatuses(renameStatuses(reported.statuses, Object.keys(statuses)), statuses),
  );
  const { messageId } = receipt;
  const newId = messageId !== undefined && !reported.messageIds.includes(messageId);
  if (Object.keys(news).length === 0 && !newId) return reported;
  return {
    statuses: { ...reported.statuses, ...news },
    messageIds: newId ? [...reported.messageIds, messageId].sort() : reported.messageIds,
  };
}

/** The statuses of only these recipients, by key. */
export function renameStatuses(statuses: RecipientStatuses, keys: readonly string[]): RecipientStatuses {
  return Object.fromEntries(
    keys.flatMap((key): [string, DeliveryStatus][] => {
      const status = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
      return status === undefined ? [] : [[key, status]];
    }),
  );
}

/** The statuses that differ from `before`. */
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

/** Reads the statuses of a row. Skips invalid entries: other programs may have written there. */
export function readStoredStatuses(stored: unknown): RecipientStatuses {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).flatMap(([key, value]): [string, DeliveryStatus][] => {
      const parsed = v.safeParse(storedStatusSchema, value);
      return parsed.success ? [[key, parsed.output]] : [];
    }),
  );
}

/** The state of a handed-over delivery, over all of its recipients. */
export interface SesState {
  readonly status: 'sending' | 'delivered' | 'failed';
  /** If delivered: when the last recipient got it. ISO 8601. */
  readonly deliveredAt?: string;
  /** If failed: why, and for how many recipients; addresses are masked. */
  readonly lastError?: string;
}

/** The recipients of a delivery, as recorded by its attempts. */
export interface Attempted {
  readonly handedOver: readonly string[];
  readonly takenBySmtp: readonly string[];
}

/** As much of a server response as fits on a line. */
const MAX_RESPONSE_SHOWN = 200;

/** Distinct failure reasons shown; there are few, unless a server words every refusal differently. */
const MAX_REASONS = 3;

/**
 * Derives the state only from the statuses, so that the order of reports does not matter. Only the SES
 * delivery events count: that SES accepted the mail, or SMTP did for other recipients, is not a delivery.
 *
 * @returns undefined if no recipient was handed over
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

/** Groups lost recipients by reason, with the response of one of their servers. */
function describeLosses(losses: readonly (readonly [string, DeliveryStatus])[], recipients: number): string {
  // Same text regardless of recipient order.
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
    .map(([reason, lost]) => `${reason}${responseOf(lost)} for ${lost.length} of ${recipients} recipients`);
  const more = groups.size - MAX_REASONS;
  return [...described, ...(more > 0 ? [`and for ${more} more reasons`] : [])].join('; ');
}

/** `bounced (Permanent/General)`, `suppressed (complaint)`. */
function reasonOf({ kind, bounce, reason }: DeliveryStatus): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return detail === undefined ? kind : `${kind} (${detail})`;
}

function responseOf(lost: readonly DeliveryStatus[]): string {
  const response = lost.find(({ smtpResponse }) => smtpResponse !== undefined)?.smtpResponse;
  if (response === undefined) return '';
  const line = maskAddressesIn(response)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return `: ${line.slice(0, MAX_RESPONSE_SHOWN).toWellFormed()}`;
}
