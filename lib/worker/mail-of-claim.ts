import { toNodemailer } from '../adapters/mime/mail-fields.ts';
import type { Mail } from '../mailer/mailer.ts';
import { domainOf } from '../message/address.ts';
import { compositionMark } from '../message/composition-mark.ts';
import type { StoredMailFields } from '../message/stored-mail.ts';
import type { Claim } from '../ports/outbox.ts';

/**
 * The mail of a claim as the mailer takes it. It is composed to the same bytes by whoever claims it next: the queue
 * may already have it from a worker that died.
 */
export function mailOfClaim(claim: Claim, fields: StoredMailFields): Mail {
  const { id, tenantId, createdAt, expiresAt } = claim;
  return {
    ...toNodemailer(fields),
    ...compositionMark(id, bareAddress(fields.from), createdAt),
    id,
    tenantId,
    expiresAt,
  };
}

/** The address of `"Marie" <marie@example.org>`; only its domain is looked at. */
function bareAddress(mailbox: string): string {
  const bare = /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim();
  return domainOf(bare) === '' ? 'unknown@localhost' : bare;
}
