import * as v from 'valibot';
import { addressKey } from '../../lib/message/address.ts';
import { addressSchema } from '../../lib/message/envelope.ts';
import { readMailboxList } from '../../lib/message/mailbox-list.ts';

/** The address in a mention: bare, after a name, or behind the type that a DSN gives it (RFC 3464, 2.3.2). */
export function addressIn(mention: string): string | undefined {
  const text = mention.replace(/^\s*rfc822\s*;/i, '').trim();
  if (v.is(addressSchema, text)) return text;
  const [address, ...others] = readMailboxList(text) ?? [];
  return others.length === 0 && v.is(addressSchema, address) ? address : undefined;
}

/**
 * Finds the recipients that an event names among those the mail was sent to, and nobody else: SES takes the
 * Final-Recipient of the DSN, and whoever writes a DSN may write any address into it.
 *
 * It may be another mailbox, that the mail was forwarded to. Where the mail went to one recipient alone, it is about
 * that one, whatever the name.
 *
 * @param destination as SES gives it: an entry that cannot be read is a recipient too
 */
export function recipientFinder(destination: readonly string[]): (mention: string) => string | undefined {
  const addresses = destination.map(addressIn);
  const byKey = new Map(
    addresses.flatMap((address) => (address === undefined ? [] : [[addressKey(address), address]])),
  );
  const only = addresses.length === 1 ? addresses[0] : undefined;
  return (mention) => {
    const address = addressIn(mention);
    return (address === undefined ? undefined : byKey.get(addressKey(address))) ?? only;
  };
}
