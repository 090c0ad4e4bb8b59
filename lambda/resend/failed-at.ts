import type { Envelope } from '../../lib/message/envelope.ts';

/** Since when a mail waits: when SMTP failed, or where it was not tried, when the API asked for the mail. */
export function failedAtOf({ failure, createdAt }: Envelope): Date {
  const failedAt = new Date(failure?.at ?? createdAt);
  // The contract lets times of failures through that JavaScript cannot read.
  return Number.isNaN(failedAt.getTime()) ? new Date(createdAt) : failedAt;
}
