import { addressKey, maskAddressesIn } from './address.ts';
import {
  type DeliveryStatus,
  isDelivery,
  isLoss,
  type RecipientStatuses,
  type StatusKind,
} from './delivery-status.ts';

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

/** The recipients, by `addressKey`, that are lost for one reason. */
export interface LossCount {
  readonly reason: string;
  readonly count: number;
  /** The first of them, which orders the reasons. */
  readonly first: string;
  /** The response of a server to the first of them that has one, as it is shown. */
  readonly response?: { readonly recipient: string; readonly text: string } | undefined;
}

/** All that the state of a handed-over delivery depends on. */
export interface RecipientCounts {
  /** All recipients: those handed over, and those that SMTP accepted. */
  readonly recipients: number;
  readonly handedOver: number;
  /** Of those handed over, the ones with a status. */
  readonly statuses: Readonly<Partial<Record<StatusKind, number>>>;
  readonly losses: readonly LossCount[];
  /** ISO 8601. */
  readonly lastDeliveredAt?: string | undefined;
}

/**
 * Derives the state only from the statuses, so that the order of reports does not matter. Only the SES
 * delivery events count: that SES accepted the mail, or SMTP did for other recipients, is not a delivery.
 *
 * @returns undefined if no recipient was handed over
 */
export function deriveSesState(statuses: RecipientStatuses, attempted: Attempted): SesState | undefined {
  const handedOver = new Set(attempted.handedOver.map(addressKey));
  const recipients = new Set([...handedOver, ...attempted.takenBySmtp.map(addressKey)]).size;
  const tally = new RecipientTally({ recipients, handedOver: handedOver.size, statuses: {}, losses: [] });
  for (const key of handedOver) {
    const status = Object.hasOwn(statuses, key) ? statuses[key] : undefined;
    if (status !== undefined) tally.replace(key, undefined, status);
  }
  return sesStateOf(tally.counts());
}

/** @returns undefined if no recipient was handed over */
export function sesStateOf(counts: RecipientCounts): SesState | undefined {
  const { handedOver, statuses, losses, recipients, lastDeliveredAt } = counts;
  if (handedOver === 0) return undefined;
  if (losses.length > 0) return { status: 'failed', lastError: describeLosses(losses, recipients) };
  const deliveries = (statuses.delivered ?? 0) + (statuses.complained ?? 0);
  if (deliveries < handedOver || lastDeliveredAt === undefined) return { status: 'sending' };
  return { status: 'delivered', deliveredAt: lastDeliveredAt };
}

/** Keeps the counts up to date with the statuses of handed-over recipients, one at a time. */
export class RecipientTally {
  readonly #recipients: number;
  readonly #handedOver: number;
  readonly #statuses: Partial<Record<StatusKind, number>>;
  readonly #losses: Map<string, LossCount>;
  #lastMs: number | undefined;

  constructor({ recipients, handedOver, statuses, losses, lastDeliveredAt }: RecipientCounts) {
    this.#recipients = recipients;
    this.#handedOver = handedOver;
    this.#statuses = { ...statuses };
    this.#losses = new Map(losses.map((loss) => [loss.reason, loss]));
    this.#lastMs = lastDeliveredAt === undefined ? undefined : Date.parse(lastDeliveredAt);
  }

  counts(): RecipientCounts {
    return {
      recipients: this.#recipients,
      handedOver: this.#handedOver,
      statuses: { ...this.#statuses },
      losses: [...this.#losses.values()].sort((one, other) => (one.first < other.first ? -1 : 1)),
      ...(this.#lastMs === undefined ? {} : { lastDeliveredAt: new Date(this.#lastMs).toISOString() }),
    };
  }

  /**
   * Counts another status of a handed-over recipient.
   *
   * @returns false if the counts depend on the other recipients now, and all must be counted again
   */
  replace(key: string, before: DeliveryStatus | undefined, after: DeliveryStatus): boolean {
    this.#addStatus(after.kind, 1);
    if (before !== undefined) this.#addStatus(before.kind, -1);
    return this.#replaceLoss(key, before, after) && this.#replaceDelivery(before, after);
  }

  #addStatus(kind: StatusKind, count: number): void {
    const sum = (this.#statuses[kind] ?? 0) + count;
    if (sum === 0) delete this.#statuses[kind];
    else this.#statuses[kind] = sum;
  }

  #replaceLoss(key: string, before: DeliveryStatus | undefined, after: DeliveryStatus): boolean {
    const [old, loss] = [before, after].map((status) =>
      status !== undefined && isLoss(status)
        ? { reason: reasonOf(status), text: responseOf(status) }
        : undefined,
    );
    if (old?.reason === loss?.reason && old?.text === loss?.text) return true;
    if (loss !== undefined) this.#addLoss(key, loss.reason, loss.text);
    if (old === undefined) return true;
    const known = this.#losses.get(old.reason);
    if (known === undefined) return false;
    if (known.count === 1) return this.#losses.delete(old.reason);
    this.#losses.set(old.reason, { ...known, count: known.count - 1 });
    return known.first !== key && known.response?.recipient !== key;
  }

  #addLoss(key: string, reason: string, text: string | undefined): void {
    const { count, first, response } = this.#losses.get(reason) ?? { count: 0, first: key };
    const isFirst = text !== undefined && (response === undefined || key < response.recipient);
    this.#losses.set(reason, {
      reason,
      count: count + 1,
      first: key < first ? key : first,
      response: isFirst ? { recipient: key, text } : response,
    });
  }

  #replaceDelivery(before: DeliveryStatus | undefined, after: DeliveryStatus): boolean {
    const [oldMs, ms] = [deliveredMs(before), deliveredMs(after)];
    if (ms !== undefined) this.#lastMs = Math.max(this.#lastMs ?? ms, ms);
    return oldMs === ms || oldMs === undefined || oldMs !== this.#lastMs;
  }
}

function deliveredMs(status: DeliveryStatus | undefined): number | undefined {
  if (status === undefined || !isDelivery(status)) return undefined;
  return Date.parse(status.deliveredAt ?? status.at);
}

/** As much of a server response as fits on a line. */
const MAX_RESPONSE_SHOWN = 200;

/** Distinct failure reasons shown; there are few, unless a server words every refusal differently. */
const MAX_REASONS = 3;

/** Lost recipients by reason, with the response of one of their servers. */
function describeLosses(losses: readonly LossCount[], recipients: number): string {
  const described = losses.slice(0, MAX_REASONS).map(({ reason, response, count }) => {
    const shown = response === undefined ? '' : `: ${response.text}`;
    return `${reason}${shown} for ${count} of ${recipients} recipients`;
  });
  const more = losses.length - MAX_REASONS;
  return [...described, ...(more > 0 ? [`and for ${more} more reasons`] : [])].join('; ');
}

/** `bounced (Permanent/General)`, `suppressed (complaint)`. */
function reasonOf({ kind, bounce, reason }: DeliveryStatus): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return detail === undefined ? kind : `${kind} (${detail})`;
}

function responseOf({ smtpResponse }: DeliveryStatus): string | undefined {
  if (smtpResponse === undefined) return undefined;
  const line = maskAddressesIn(smtpResponse)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line.slice(0, MAX_RESPONSE_SHOWN).toWellFormed();
}
