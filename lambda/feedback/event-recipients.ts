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
 * Finds the recipients that an event names among those the mail was sent to.
 *
 * A bounce may name another mailbox, that the mail was forwarded to: SES takes the Final-Recipient of the DSN. Where
 * the mail went to one recipient alone, it is about that one; otherwise the name stands for itself.
 */
export function recipientFinder(destinations: readonly string[]): (mention: string) => string | undefined {
  const byKey = new Map(destinations.map((address) => [addressKey(address), address]));
  const only = byKey.size === 1 ? destinations[0] : undefined;
  return (mention) => {
    const address = addressIn(mention);
    const found = address === undefined ? undefined : byKey.get(addressKey(address));
    return found ?? only ?? address;
  };
}
