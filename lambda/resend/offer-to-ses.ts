import type { Envelope } from '../../lib/message/envelope.ts';
import { SES_MAX_RECIPIENTS } from '../../lib/message/limits.ts';
import { chunkRecipients } from '../../lib/message/recipients.ts';
import type { RetryPace } from '../../lib/message/retry-schedule.ts';
import type { Log } from '../../lib/ports/log.ts';
import type { RawMailSender, SendAnswer } from '../../lib/ports/raw-mail-sender.ts';

/** What is to be sent, and to whom. */
export interface Offer {
  readonly envelope: Envelope;
  readonly mime: Buffer;
  /** RFC 5321 reverse path, its domain in ASCII. */
  readonly from: string;
  readonly recipients: readonly string[];
}

export interface OfferParts {
  readonly ses: RawMailSender;
  readonly log: Log;
  /** True as long as the invocation has time for one more SES call. */
  readonly hasTime: () => boolean;
}

/** Recipients that SES would refuse for ever, for one and the same cause. */
export interface RefusedRecipients {
  readonly reason: string;
  readonly detail: string;
  readonly recipients: readonly string[];
}

/** Where each recipient of an offer stands. */
export interface Offered {
  readonly refused: readonly RefusedRecipients[];
  /** Neither sent to nor refused. */
  readonly left: readonly string[];
  /** How soon to try again for those; undefined where only the time ran out. */
  readonly pace?: RetryPace;
}

/**
 * After so many refusals, and no recipient taken, the mail itself counts as what is refused. A single bad recipient
 * is found by a dozen calls, of which every second or third is taken.
 */
const MOST_REFUSALS_OF_ALL = 15;

/**
 * Offers a mail to SES, at most 50 recipients a call. Where SES refuses several recipients at once, one of them may
 * be the reason: both halves are then offered, and theirs, until the bad ones stand alone. The halves wait until the
 * other parts had their turn: whoever can be sent to is sent to first, so that no try is in vain.
 */
export async function offerToSes(offer: Offer, parts: OfferParts): Promise<Offered> {
  const open = chunkRecipients(offer.recipients, SES_MAX_RECIPIENTS);
  const refused: RefusedRecipients[] = [];
  let sentToSome = false;
  let refusals = 0;
  const offered = (left: readonly string[], pace?: RetryPace): Offered => ({
    refused: byReason(refused),
    left,
    ...(pace === undefined ? {} : { pace }),
  });

  for (let part = open.shift(); part !== undefined; part = open.shift()) {
    const left = [...part, ...open.flat()];
    // Without a step forward, the next try would come as far as this one: it should not come at once.
    if (!parts.hasTime()) return offered(left, refusals > 0 && !sentToSome ? 'outage' : undefined);
    const answer = await offerPart(offer, part, parts);
    if (answer.kind === 'sent') {
      sentToSome = true;
      continue;
    }
    const { verdict, detail } = answer;
    if (verdict.kind === 'retry') return offered(left, verdict.pace);
    refusals += 1;
    if (!sentToSome && refusals >= MOST_REFUSALS_OF_ALL) {
      refused.push({ reason: verdict.cause, detail, recipients: left });
      return offered([]);
    }
    if (part.length === 1) refused.push({ reason: verdict.cause, detail, recipients: part });
    else open.push(...chunkRecipients(part, Math.ceil(part.length / 2)));
  }
  return offered([]);
}

/** One call, and its line in the log; a recipient that is refused alone has its line from being parked. */
async function offerPart(
  { envelope, mime, from }: Offer,
  recipients: readonly string[],
  { ses, log }: OfferParts,
): Promise<SendAnswer> {
  const { id, tenantId, tags } = envelope;
  const fields = { deliveryId: id, tenantId, recipients: recipients.length, bytes: mime.length };
  const answer = await ses.send({ from, recipients, mime, deliveryId: id, tags: tags ?? {} });
  if (answer.kind === 'sent') {
    log.info('resent', {
      ...fields,
      sesMessageId: answer.sesMessageId,
      failureClass: envelope.failure?.class,
    });
    return answer;
  }
  const { verdict, detail } = answer;
  const answerLost = verdict.kind === 'retry' && verdict.answerLost;
  if (verdict.kind === 'retry')
    log.warn('not-sent-yet', { ...fields, cause: verdict.cause, answerLost, detail });
  else if (recipients.length > 1) log.warn('refused-in-part', { ...fields, cause: verdict.cause, detail });
  return answer;
}

/** One dead letter a reason, not one a recipient. */
function byReason(refused: readonly RefusedRecipients[]): RefusedRecipients[] {
  const merged = new Map<string, RefusedRecipients>();
  for (const { reason, detail, recipients } of refused) {
    const before = merged.get(reason);
    merged.set(reason, {
      reason,
      detail: before?.detail ?? detail,
      recipients: [...(before?.recipients ?? []), ...recipients],
    });
  }
  return [...merged.values()];
}
