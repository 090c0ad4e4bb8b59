import type { SESv2Client } from '@aws-sdk/client-sesv2';
import { SesV2Sender } from '../../adapters/ses/ses-v2-sender.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { RawMail, SendVerdict } from '../../ports/raw-mail-sender.ts';
import { untilAborted } from '../until-aborted.ts';
import type { SendEnding } from './send-result.ts';

export interface SesSending {
  /** Whose credentials and Region are used. */
  readonly ses: SESv2Client;
  /** Through it SES's events come to the ledger. */
  readonly configurationSet: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type SesHandling =
  | { readonly kind: 'sent'; readonly sesMessageId: string }
  | { readonly kind: 'ended'; readonly ending: SendEnding };

/** Sends by one call with the operator's own credentials, and with the tags by which its events are traced back. */
export async function sendBySes(delivery: Delivery, sending: SesSending): Promise<SesHandling> {
  const { ses, configurationSet, timeoutMs, signal } = sending;
  const { credentials, region } = ses.config;
  // SES has no idempotency token: a client that tries again after a lost answer would send a second mail.
  const sender = new SesV2Sender(configurationSet, timeoutMs, { credentials, region });
  try {
    const answer = await untilAborted(sender.send(rawMailOf(delivery)), signal);
    if (answer.kind === 'sent') return answer;
    return { kind: 'ended', ending: endingOf(answer.verdict, answer.detail) };
  } finally {
    sender.close();
  }
}

function rawMailOf({ id, from, to, mime }: Delivery): RawMail {
  return { deliveryId: id, part: 0, from, recipients: to, mime, tags: {} };
}

function endingOf(verdict: SendVerdict, detail: string): SendEnding {
  if (verdict.kind === 'retry' && verdict.answerLost) {
    const mend = 'SES may have taken it all the same; wait a minute before you send again';
    return { verdict: 'open', detail: `SES gave no answer: ${detail}`, mend };
  }
  return { verdict: 'failed', detail: `SES did not take it: ${detail}`, mend: mendOf(verdict.cause) };
}

function mendOf(cause: string): string {
  switch (cause) {
    case 'identity-not-verified':
      return 'mailctl doctor --only identity,sending; the sandbox allows verified recipients alone, and the mailbox simulator';
    case 'access-denied':
      return 'use credentials that may call ses:SendEmail, or send with --by fallback';
    case 'configuration-set-missing':
      return 'npm run deploy';
    default:
      return 'mailctl doctor --only sending';
  }
}
