import { randomUUID } from 'node:crypto';

/**
 * An id of the form that SES gives out in eu-west-1: `0102`, the time in milliseconds as 12 hexadecimal digits,
 * a UUID and a zero counter. Other regions begin with other digits; nobody may depend on them.
 */
export function newSesMessageId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `0102${time}-${randomUUID()}-000000`;
}
