import { isWithinDomain } from '../../lib/message/address.ts';
import { headerValues } from '../../lib/message/header-section.ts';
import { readMailboxList } from '../../lib/message/mailbox-list.ts';

/**
 * Says why a mail may not be sent in the name of the domain, or nothing where it may. The envelope's sender and
 * each address in From and Sender must belong to the domain or to one below it, and there is exactly one From
 * (RFC 5322, 3.6): a leaked API key must not be able to write in the name of others.
 *
 * @param mime a message whose header section has no flaw
 */
export function foreignSender(envelopeFrom: string, mime: Buffer, domain: string): string | undefined {
  if (!isWithinDomain(envelopeFrom, domain)) return `the envelope's sender is not of ${domain}`;
  const from = headerValues(mime, 'from');
  if (from.length !== 1) return `the message has ${from.length} From headers, exactly one is allowed`;
  return (
    complaintAbout('From', from, domain) ?? complaintAbout('Sender', headerValues(mime, 'sender'), domain)
  );
}

function complaintAbout(name: string, values: readonly string[], domain: string): string | undefined {
  for (const value of values) {
    const addresses = readMailboxList(value);
    if (addresses === undefined) return `the ${name} header is no plain list of addresses`;
    if (!addresses.every((address) => isWithinDomain(address, domain))) {
      return `the ${name} header is not of ${domain}`;
    }
  }
  return undefined;
}
