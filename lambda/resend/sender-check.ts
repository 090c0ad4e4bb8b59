import addressparser from 'nodemailer/lib/addressparser';
import { isWithinDomain } from '../../lib/message/address.ts';
import { headerValues } from '../../lib/message/header-section.ts';

/**
 * Says why a mail may not be sent in the name of the domain, or nothing where it may. The envelope's sender and
 * each address in From and Sender must belong to the domain or to one below it, and there is exactly one From
 * (RFC 5322, 3.6): a leaked API key must not be able to write in the name of others.
 */
export function foreignSender(envelopeFrom: string, mime: Buffer, domain: string): string | undefined {
  if (!isWithinDomain(envelopeFrom, domain)) return `the envelope's sender is not of ${domain}`;
  const from = headerValues(mime, 'from');
  if (from.length !== 1) return `the message has ${from.length} From headers, exactly one is allowed`;
  if (!allWithin(from, domain)) return `the From header is not of ${domain}`;
  if (!allWithin(headerValues(mime, 'sender'), domain)) return `the Sender header is not of ${domain}`;
  return undefined;
}

function allWithin(values: readonly string[], domain: string): boolean {
  return values.every((value) => {
    const addresses = addressparser(value, { flatten: true }).map(({ address }) => address);
    return addresses.length > 0 && addresses.every((address) => isWithinDomain(address, domain));
  });
}
