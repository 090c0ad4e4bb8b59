import { setTimeout as sleep } from 'node:timers/promises';
import { untilAborted } from '../../../common/async.ts';
import { maskAddressesIn } from '../../../domain/address.ts';
import { type DeliveryStatus, isDelivery, isLoss } from '../../../domain/delivery-status.ts';
import type { BatchStatuses } from '../../../ports/ledger.ts';
import { type DeadLetter, printable } from '../../lookups/dead-letters.ts';
import { describeStatus } from '../../lookups/timeline/status-events.ts';
import type { SendEnding, SendStep } from './send-directly.ts';

/** The sources of a delivery's status. */
export interface StatusSources {
  parts(id: string): Promise<readonly BatchStatuses[]>;
  /** The scan puts dead letters in flight, hidden from other consumers for a moment. */
  deadLetters(id: string): Promise<{ readonly deadLetters: readonly DeadLetter[] }>;
}

export interface FollowOptions {
  /** After this, the status is reported as unknown. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onStep: (step: SendStep) => void;
  /** When the mail was sent, by `performance.now()`. */
  readonly startedAt: number;
  /** Older dead letters of the same delivery, by SQS message ID. */
  readonly knownLetters?: ReadonlySet<string>;
}

const POLL_MS = 500;

/** Delay of the first scan of the dead letters; it doubles for each next one. */
const FIRST_SCAN_MS = 4_000;

/**
 * Follows a delivery to one recipient in the ledger until its status is known, and reports each step.
 *
 * @throws the signal's reason, once it aborts; what the sources throw
 */
export async function followDelivery(
  id: string,
  sources: StatusSources,
  options: FollowOptions,
): Promise<SendEnding> {
  const { timeoutMs, signal, onStep, startedAt, knownLetters = new Set() } = options;
  const elapsed = () => performance.now() - startedAt;
  const reported = new Set<string>();
  let scanAfterMs = FIRST_SCAN_MS;
  for (;;) {
    const parts = await untilAborted(sources.parts(id), signal);
    for (const what of parts.flatMap(stepsOf)) {
      if (!reported.has(what)) onStep({ what, afterMs: Math.round(elapsed()) });
      reported.add(what);
    }
    const ending = endingOf(id, parts);
    if (ending !== undefined) return ending;
    const isOver = elapsed() >= timeoutMs;
    if (isOver || elapsed() >= scanAfterMs) {
      scanAfterMs = 2 * elapsed();
      const { deadLetters } = await untilAborted(sources.deadLetters(id), signal);
      const deadLetter = deadLetters.find(({ queueMessageId }) => !knownLetters.has(queueMessageId));
      if (deadLetter !== undefined) return deadLetterEnding(id, deadLetter);
    }
    if (isOver) return openEnding(id, parts, timeoutMs);
    await sleep(POLL_MS, undefined, { signal });
  }
}

function stepsOf({ state, claim, sesMessageId, statuses }: BatchStatuses): string[] {
  const isSent = state === 'sent';
  return [
    ...(claim === undefined ? [] : ['the resend Lambda offered it to SES']),
    ...(state === 'unknown' ? ['SES gave no answer; the Lambda waits for its event'] : []),
    ...(state === 'open' ? ['SES did not take it now; it is tried again'] : []),
    ...(isSent && sesMessageId !== undefined ? [`SES took it as ${sesMessageId}`] : []),
    ...Object.values(statuses)
      .filter(({ kind }) => kind !== 'sent')
      .map(statusText),
  ];
}

function endingOf(id: string, parts: readonly BatchStatuses[]): SendEnding | undefined {
  const statuses = parts.flatMap((part) => Object.values(part.statuses));
  const lost = statuses.find(isLoss);
  if (lost !== undefined) return { verdict: 'failed', detail: statusText(lost), fix: `mailctl status ${id}` };
  const delivered = statuses.find(isDelivery);
  if (delivered !== undefined) return { verdict: 'delivered', detail: statusText(delivered) };
  if (parts.some(({ state }) => state === 'refused')) {
    return { verdict: 'failed', detail: 'SES would never take it', fix: `mailctl dlq show ${id}` };
  }
  return undefined;
}

function deadLetterEnding(id: string, { cause, detail }: DeadLetter): SendEnding {
  return { verdict: 'failed', detail: `parked: ${cause}: ${detail}`, fix: `mailctl dlq show ${id}` };
}

function openEnding(id: string, parts: readonly BatchStatuses[], timeoutMs: number): SendEnding {
  const last = parts.flatMap(stepsOf).at(-1) ?? 'the resend Lambda has not touched it';
  const detail = `not known after ${timeoutMs / 1000} s; the last that was seen: ${last}`;
  return {
    verdict: 'open',
    detail,
    fix: `mailctl status ${id}, later; mailctl doctor says what holds it up`,
  };
}

const statusText = (status: DeliveryStatus) => printable(maskAddressesIn(describeStatus(status)));
