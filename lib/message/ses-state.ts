import { addressKey, maskAddressesIn } from './address.ts';
import { type Fate, type Fates, isDelivery, isLoss } from './fate.ts';

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
 * Derives the state from the fates alone, so that it does not matter in which order they were told. Only what SES
 * says of a recipient counts: that it took the mail, or SMTP did for others, delivers nothing.
 *
 * @returns undefined where nobody was handed over
 */
export function sesStateOf(fates: Fates, attempted: Attempted): SesState | undefined {
  const handedOver = new Set(attempted.handedOver.map(addressKey));
  if (handedOver.size === 0) return undefined;
  const recipients = new Set([...handedOver, ...attempted.takenBySmtp.map(addressKey)]).size;
  const known = [...handedOver]
    .sort()
    .flatMap((key) => (Object.hasOwn(fates, key) ? (fates[key] ?? []) : []));
  const losses = known.filter(isLoss);
  if (losses.length > 0) return { status: 'failed', lastError: describeLosses(losses, recipients) };
  if (known.length < handedOver.size || !known.every(isDelivery)) return { status: 'sending' };
  return { status: 'delivered', deliveredAt: latest(known.map(({ at, deliveredAt }) => deliveredAt ?? at)) };
}

/** Recipients that were lost in the same way are told together, with the answer of one of their servers. */
function describeLosses(losses: readonly Fate[], recipients: number): string {
  const reasons = [...new Set(losses.map(reasonOf))];
  const described = reasons.map((reason) => {
    const lost = losses.filter((loss) => reasonOf(loss) === reason);
    return `${reason}${answerOf(lost)} for ${lost.length} of ${recipients} recipients`;
  });
  const more = described.length - MAX_REASONS;
  return [...described.slice(0, MAX_REASONS), ...(more > 0 ? [`and for ${more} more reasons`] : [])].join(
    '; ',
  );
}

/** `bounced (Permanent/General)`, `suppressed (complaint)`. */
function reasonOf({ kind, bounce, reason }: Fate): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return detail === undefined ? kind : `${kind} (${detail})`;
}

function answerOf(lost: readonly Fate[]): string {
  const response = lost.find(({ smtpResponse }) => smtpResponse !== undefined)?.smtpResponse;
  if (response === undefined) return '';
  const line = maskAddressesIn(response)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return `: ${line.slice(0, MAX_RESPONSE_SHOWN).toWellFormed()}`;
}

function latest(times: readonly string[]): string {
  return new Date(Math.max(...times.map((time) => Date.parse(time)))).toISOString();
}
