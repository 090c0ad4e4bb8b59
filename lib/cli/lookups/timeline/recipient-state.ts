import type { TracedAttempt } from '../../../adapters/postgres/delivery-rows.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { addressKey } from '../../../domain/address.ts';
import { type DeliveryStatus, isLoss, type RecipientStatuses } from '../../../domain/delivery-status.ts';
import { isUnknown, type SendBatch } from '../../../ports/ledger.ts';
import { type DeliveryFacts, readingWithin } from '../delivery-facts.ts';
import { describeStatus } from './status-events.ts';

/** State of the mail for one recipient. */
export interface RecipientState {
  /** By `addressKey`. */
  readonly address: string;
  readonly state: string;
  readonly lost: boolean;
}

/** SES events take precedence, then acceptance by SMTP, which is final. Then comes what blocks the mail. */
export function deriveState(
  address: string,
  statuses: RecipientStatuses,
  facts: DeliveryFacts,
  now: Date,
): RecipientState {
  const going = (state: string): RecipientState => ({ address, state, lost: false });
  const lost = (state: string): RecipientState => ({ address, state, lost: true });
  const status: DeliveryStatus | undefined = Object.hasOwn(statuses, address) ? statuses[address] : undefined;
  if (status !== undefined) return { address, state: describeStatus(status), lost: isLoss(status) };

  const has = (list: readonly string[] = []) => list.some((one) => addressKey(one) === address);
  const attempts = readingWithin(facts.row)?.attempts ?? [];
  if (attempts.some(({ smtp }) => has(smtp?.recipients))) return going('taken by SMTP');
  const parts = (readingWithin(facts.parts) ?? []).filter(({ recipients }) => has(recipients));
  if (parts.some(({ state }) => state === 'sent')) return going('taken by SES');
  const deadLetter = (readingWithin(facts.deadLetters)?.deadLetters ?? []).find(
    ({ parsed }) => parsed.kind === 'message' && has(parsed.message.envelope.to),
  );
  if (deadLetter !== undefined) return going(`parked: ${deadLetter.cause}`);
  if (parts.some(({ state }) => state === 'refused')) return lost('refused by SES');
  if (parts.some((part) => isUnknown(part, now))) return going('unknown whether SES has it');

  const handedOver = attempts.some(({ queue }) => has(queue?.recipients));
  const isOnWayToSes = handedOver || parts.length > 0;
  if (!isSuppressed(address, facts)) return going(handedOver ? 'handed over' : 'waiting');
  // Only the SES path checks the lists; SMTP may still accept mail that was not handed over.
  return isOnWayToSes ? lost('suppressed') : going('waiting; suppressed on the way over SES');
}

function isSuppressed(address: string, facts: DeliveryFacts): boolean {
  const listed = readingWithin(facts.suppressed)?.addresses.find((one) => one.address === address);
  return listed !== undefined && (listed.pipeline !== undefined || listed.ses !== undefined);
}

/** Retries for some hours are normal: SES may be unavailable, or the daily quota used up. */
const USUAL_WAIT_HOURS = 6;

/** Send batches an operator should look at: refused by SES, or waiting longer than usual. */
export function batchConcerns(facts: DeliveryFacts, now: Date): string[] {
  const parts = readingWithin(facts.parts) ?? [];
  const handedOverAt = firstHandOver(readingWithin(facts.row)?.attempts ?? []);
  return parts.flatMap((part) => concernOf(part, handedOverAt, now));
}

function concernOf(batch: SendBatch, handedOverAt: number, now: Date): string[] {
  const name = `part ${batch.part}`;
  if (batch.state === 'refused') return [`${name}: SES refused it for ever, for ${forWhom(batch)}`];
  const unknown = isUnknown(batch, now);
  if (!unknown && batch.state !== 'open') return [];
  // A claim covers only the latest try.
  const since = Math.min(batch.claim?.startedAt.getTime() ?? Number.POSITIVE_INFINITY, handedOverAt);
  const hours = Math.floor((now.getTime() - since) / HOUR_MS);
  if (hours < USUAL_WAIT_HOURS) return [];
  const what = unknown ? 'it is unknown whether SES has it' : 'SES has not taken it';
  return [
    `${name}: ${what}, since ${hours} hours, for ${forWhom(batch)}: look at the log of the resend Lambda`,
  ];
}

/** In milliseconds since 1970; infinite if no hand-over is known. */
function firstHandOver(attempts: readonly TracedAttempt[]): number {
  const times = attempts.filter(({ queue }) => queue !== undefined).map(({ at }) => Date.parse(at));
  return Math.min(...times);
}

function forWhom({ recipients }: SendBatch): string {
  return recipients.length === 1 ? '1 recipient' : `${recipients.length} recipients`;
}
