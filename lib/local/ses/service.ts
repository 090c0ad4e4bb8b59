import type { Clock } from '../../ports/clock.ts';
import type { SesAccount } from './account.ts';
import { deliveredMessage } from './delivered-message.ts';
import type { SesApi, SesMail, Submission } from './mail.ts';
import { SendingLimits } from './sending-limits.ts';
import { newSesMessageId } from './ses-message-id.ts';
import { checkSubmission } from './submission-check.ts';
import type { SendOutcome, SesService } from './wire.ts';

/** What the service needs from the outside. */
export interface SesServiceOptions {
  readonly account: SesAccount;
  readonly region: string;
  readonly clock: Clock;
  /** Called with each mail that was taken, before the call is answered. */
  readonly onAccepted: (mail: SesMail) => void;
}

/** SES without a protocol: takes or refuses what is submitted, and counts it. */
export function createSesService(options: SesServiceOptions): SesService {
  const { account, clock } = options;
  const limits = new SendingLimits(account, clock.now());
  return {
    account,
    now: () => clock.now(),
    sentLast24Hours: () => limits.sentLast24Hours(clock.now()),
    send: (submission, api) => send(submission, api, limits, options),
  };
}

function send(
  submission: Submission,
  api: SesApi,
  limits: SendingLimits,
  { account, region, clock, onAccepted }: SesServiceOptions,
): SendOutcome {
  const check = checkSubmission(submission, { account, api, region });
  if (check.kind === 'refused') return check;
  const at = clock.now();
  const overLimit = limits.admit(check.recipients, at);
  if (overLimit !== undefined) return { kind: 'refused', refusal: overLimit };

  const { raw, tags, configurationSet } = submission;
  const sesMessageId = newSesMessageId(at);
  const mail: SesMail = {
    api,
    sesMessageId,
    at,
    source: check.source,
    recipients: check.recipients,
    tags,
    ...(configurationSet !== undefined && { configurationSet }),
    raw,
    delivered: deliveredMessage(raw, { sesMessageId, at, region }),
  };
  onAccepted(mail);
  return { kind: 'accepted', mail };
}
