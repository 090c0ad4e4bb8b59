/**
 * What can become of a mail for one recipient, from the least to the most that is known; only a bounce for ever, and
 * that SES rejected the mail, say more than a complaint.
 *
 * - `expired`: past its time before it could be sent.
 * - `suppressed`: on the pipeline's suppression list, so it was not sent.
 * - `failed`: it cannot be sent; a person finds it in the dead letters. With a message id of SES: SES took it and then
 *   rejected it.
 * - `sent`: SES has taken it.
 * - `delivery_delayed`: the recipient's server does not take it now; SES goes on trying.
 * - `delivered`: the recipient's server has taken it.
 * - `bounced`: the recipient's server refused it for ever, or SES gave up trying.
 * - `complained`: the recipient called it spam, or somebody else of the same provider did.
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

/** Where a mail stands for one recipient. */
export interface DeliveryStatus {
  readonly kind: StatusKind;
  /** ISO 8601. */
  readonly at: string;
  readonly sesMessageId?: string | undefined;
  /** The words of the recipient's server. */
  readonly smtpResponse?: string | undefined;
  /** RFC 3463, for instance `5.1.1`. */
  readonly enhancedStatus?: string | undefined;
  readonly bounce?: { readonly type: BounceType; readonly subType: string } | undefined;
  /** Why it failed, was suppressed or complained about: a stable word. */
  readonly reason?: string | undefined;
  /** When the recipient's server took it, where it has, whatever came after. ISO 8601. */
  readonly deliveredAt?: string | undefined;
}

/** The statuses of a mail, by `addressKey` of the recipient. */
export type RecipientStatuses = Readonly<Record<string, DeliveryStatus>>;

/**
 * The order in which states move; never backwards. What happened before SES took the mail ranks below `sent`: such
 * a mail may be sent after all, by a redrive. A bounce may follow a delivery (a server takes the mail and refuses it
 * later), a complaint follows it; a delivery after either is an old story that came late.
 *
 * A complaint says more than a soft bounce, and less than a bounce for ever or a rejection: where the provider does not
 * say who complained, SES names everybody there that the mail was sent to, those too who never got it.
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
 * What is known after both. Which came first does not matter, nor how often: the function is commutative,
 * associative and idempotent, so that any order and repetition of events ends in the same state.
 */
export function mergeStatus(one: DeliveryStatus, other: DeliveryStatus): DeliveryStatus {
  const known = outranks(one, other) ? one : other;
  const deliveredAt = earlier(deliveredAtOf(one), deliveredAtOf(other));
  return deliveredAt === undefined ? known : { ...known, deliveredAt };
}

/** Adds what is new to what is known, recipient by recipient. */
export function mergeStatuses(known: RecipientStatuses, news: RecipientStatuses): RecipientStatuses {
  const merged: Record<string, DeliveryStatus> = { ...known };
  for (const [key, status] of Object.entries(news)) {
    const before = Object.hasOwn(merged, key) ? merged[key] : undefined;
    merged[key] = mergeStatus(before ?? status, status);
  }
  return merged;
}

/** True where the second says more than the first: a receipt is due. */
export function isNewer(known: DeliveryStatus | undefined, status: DeliveryStatus): boolean {
  return known === undefined || rankOf(status) > rankOf(known);
}

/** True where both say the same, however they are written down. */
export function isSameStatus(one: DeliveryStatus, other: DeliveryStatus): boolean {
  return one.deliveredAt === other.deliveredAt && fingerprint(one) === fingerprint(other);
}

/** True where the mail did not reach the recipient, and nobody goes on trying. */
export function isLoss({ kind }: DeliveryStatus): boolean {
  return kind === 'expired' || kind === 'suppressed' || kind === 'failed' || kind === 'bounced';
}

/** True where the recipient has the mail, as everybody has who complains about it. */
export function isDelivery({ kind }: DeliveryStatus): boolean {
  return kind === 'delivered' || kind === 'complained';
}

/** Of two of the same rank the earlier stands; of two at the same time, any, as long as it is always the same. */
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
  // The same moment may be written in two ways; always the same of them is kept.
  return (Date.parse(one) - Date.parse(other) || (one < other ? -1 : 1)) < 0 ? one : other;
}

/**
 * The same for the same status, whatever the order of its fields, and whether one is absent or undefined. The time of
 * delivery is left out: it is merged by a rule of its own.
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
