import { isWithinDomain } from './address.ts';
import { hasCapitalDomain, headerValues, parseMailboxList } from './mime-headers.ts';

export interface SenderProblem {
  readonly reason: 'foreign-sender' | 'from-domain-case';
  readonly detail: string;
}

/**
 * Says why a mail may not be sent in the name of the domain, or nothing if it may. The envelope's sender and
 * each address in From and Sender must belong to the domain or to one below it, and there is exactly one From
 * (RFC 5322, 3.6): a leaked API key must not be able to write in the name of others. The same goes for Return-Path:
 * SES calls a foreign one "not verified", which would be retried for hours. The domain in From is in lower
 * case: IAM compares it letter by letter, and AccessDenied would be retried for days.
 *
 * @param mime a message with a valid header section
 * @returns why the mail must not be sent; undefined if it may be
 */
export function validateSender(
  envelopeFrom: string,
  mime: Buffer,
  domain: string,
): SenderProblem | undefined {
  const foreign = (detail: string): SenderProblem => ({ reason: 'foreign-sender', detail });
  if (!isWithinDomain(envelopeFrom, domain)) return foreign(`the envelope's sender is not of ${domain}`);
  const from = headerValues(mime, 'from');
  if (from.length !== 1)
    return foreign(`the message has ${from.length} From headers, exactly one is allowed`);
  const complaint =
    findForeign('From', from, domain) ??
    findForeign('Sender', headerValues(mime, 'sender'), domain) ??
    findForeign('Return-Path', headerValues(mime, 'return-path'), domain);
  if (complaint !== undefined) return foreign(complaint);
  if (!from.flatMap((value) => parseMailboxList(value) ?? []).some(hasCapitalDomain)) return undefined;
  return {
    reason: 'from-domain-case',
    detail: 'the domain in the From header is not in lower case, as the permission to send needs it',
  };
}

function findForeign(name: string, values: readonly string[], domain: string): string | undefined {
  for (const value of values) {
    const addresses = parseMailboxList(value);
    if (addresses === undefined) return `the ${name} header is no plain list of addresses`;
    if (!addresses.every((address) => isWithinDomain(address, domain))) {
      return `the ${name} header is not of ${domain}`;
    }
  }
  return undefined;
}
