/**
 * The delivery status of a mail for one recipient, in ascending order of rank; only a permanent bounce and a
 * rejection by SES rank above a complaint.
 *
 * - `expired`: expired before it could be sent.
 * - `suppressed`: on the pipeline's suppression list, so it was not sent.
 * - `failed`: it cannot be sent and is a dead letter. With an SES message id: SES accepted, then rejected it.
 * - `sent`: SES accepted it.
 * - `delivery_delayed`: the recipient's server does not accept it now; SES keeps retrying.
 * - `delivered`: the recipient's server accepted it.
 * - `bounced`: the recipient's server refused it permanently, or SES stopped retrying.
 * - `complained`: the recipient, or someone else at the same provider, marked it as spam.
 */
export const STATUS_KINDS = [
  'expired',
  'suppressed',
  'failed',
  'sent',
  'delivery_delayed',
  'delivered',
  'bounced',
  'complained',
] as const;

export type StatusKind = (typeof STATUS_KINDS)[number];

export const BOUNCE_TYPES = ['Permanent', 'Transient', 'Undetermined'] as const;

export type BounceType = (typeof BOUNCE_TYPES)[number];

/** The status of a mail for one recipient. */
export interface DeliveryStatus {
  readonly kind: StatusKind;
  /** ISO 8601. */
  readonly at: string;
  readonly sesMessageId?: string | undefined;
  /** The response of the recipient's server. */
  readonly smtpResponse?: string | undefined;
  /** RFC 3463, for instance `5.1.1`. */
  readonly enhancedStatus?: string | undefined;
  readonly bounce?: { readonly type: BounceType; readonly subType: string } | undefined;
  /** Why it failed, was suppressed or complained about: a stable code. */
  readonly reason?: string | undefined;
  /** When the recipient's server accepted it, if it did, whatever came after. ISO 8601. */
  readonly deliveredAt?: string | undefined;
}

/** The statuses of a mail, by `addressKey` of the recipient. */
export type RecipientStatuses = Readonly<Record<string, DeliveryStatus>>;

/**
 * A status only moves to a higher rank. What happened before SES accepted the mail ranks below `sent`: such a
 * mail may still be sent by a redrive. A bounce may follow a delivery (a server accepts the mail and refuses
 * it later), and a complaint follows it; a delivery reported after either is a late event.
 *
 * A complaint ranks above a soft bounce, and below a permanent bounce or a rejection: if the provider does
 * not say who complained, SES names all recipients at that provider, including those who never got the mail.
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 */
function rankOf({ kind, bounce, sesMessageId }: DeliveryStatus): number {
  switch (kind) {
    case 'expired':
      return 0;
    case 'suppressed':
      return 1;
    case 'failed':
      return sesMessageId === undefined ? 2 : 9;
    case 'sent':
      return 3;
    case 'delivery_delayed':
      return 4;
    case 'delivered':
      return 5;
    case 'bounced':
      return bounce?.type === 'Permanent' ? 8 : 6;
    case 'complained':
      return 7;
  }
}

/**
 * Merges two statuses. The function is commutative, associative and idempotent, so that any order and
 * repetition of events ends in the same state.
 */
export function mergeStatus(one: DeliveryStatus, other: DeliveryStatus): DeliveryStatus {
  const known = outranks(one, other) ? one : other;
  const deliveredAt = earlier(deliveredAtOf(one), deliveredAtOf(other));
  return deliveredAt === undefined ? known : { ...known, deliveredAt };
}

/** Merges new statuses into the known ones, per recipient. */
export function mergeStatuses(known: RecipientStatuses, news: RecipientStatuses): RecipientStatuses {
  const merged: Record<string, DeliveryStatus> = { ...known };
  for (const [key, status] of Object.entries(news)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = mergeStatus(before ?? status, status);
  }
  return merged;
}

/** True if the second ranks above the first: a receipt is due. */
export function isNewer(known: DeliveryStatus | undefined, status: DeliveryStatus): boolean {
  return known === undefined || rankOf(status) > rankOf(known);
}

/** True if both are equal, regardless of representation. */
export function isSameStatus(one: DeliveryStatus, other: DeliveryStatus): boolean {
  return one.deliveredAt === other.deliveredAt && fingerprint(one) === fingerprint(other);
}

/** True if the mail did not reach the recipient and is not retried. */
export function isLoss({ kind }: DeliveryStatus): boolean {
  return kind === 'expired' || kind === 'suppressed' || kind === 'failed' || kind === 'bounced';
}

/** True if the recipient has the mail; anyone who complains has it. */
export function isDelivery({ kind }: DeliveryStatus): boolean {
  return kind === 'delivered' || kind === 'complained';
}

/** At the same rank the earlier one wins; at the same time, either one, but always the same. */
function outranks(one: DeliveryStatus, other: DeliveryStatus): boolean {
  const byRank = rankOf(one) - rankOf(other);
  if (byRank !== 0) return byRank > 0;
  const byTime = Date.parse(one.at) - Date.parse(other.at);
  if (byTime !== 0) return byTime < 0;
  return fingerprint(one) <= fingerprint(other);
}

function deliveredAtOf({ kind, at, deliveredAt }: DeliveryStatus): string | undefined {
  return deliveredAt ?? (kind === 'delivered' ? at : undefined);
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  // One moment can be written in two ways; keep the same one every time.
  return (Date.parse(one) - Date.parse(other) || (one < other ? -1 : 1)) < 0 ? one : other;
}

/**
 * Equal for equal statuses, regardless of field order and of absent or undefined fields. Excludes the time of
 * delivery, which has its own merge rule.
 */
function fingerprint({
  kind,
  at,
  sesMessageId,
  smtpResponse,
  enhancedStatus,
  bounce,
  reason,
}: DeliveryStatus): string {
  const fields = [
    kind,
    at,
    sesMessageId,
    smtpResponse,
    enhancedStatus,
    bounce?.type,
    bounce?.subType,
    reason,
  ];
  return JSON.stringify(fields);
}
