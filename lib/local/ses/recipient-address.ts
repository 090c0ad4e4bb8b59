import addressparser from 'nodemailer/lib/addressparser';

/** An address that SES would send to or from, or the reason it would not. */
export type AddressCheck =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads one mailbox, `a@example.org` or `Name <a@example.org>`, as a parameter of a call has it. */
export function readMailbox(text: string): AddressCheck {
  if (!text.includes('<')) return checkAddress(text.trim());
  const [mailbox, ...others] = addressparser(text, { flatten: true });
  if (mailbox === undefined || others.length > 0) return { kind: 'invalid', message: 'Illegal address' };
  return checkAddress(mailbox.address);
}

/** Reads all mailboxes of an address header, those inside groups too. */
export function readMailboxes(headerValue: string): AddressCheck[] {
  return addressparser(headerValue, { flatten: true }).map(({ address }) => checkAddress(address));
}

/**
 * The checks and their texts are those of JavaMail's InternetAddress, which SES was observed to answer with
 * ("Missing final '@domain'", "Local address contains control or whitespace"). The other texts are taken
 * from JavaMail and were not seen from SES; the one about the domain's form is assumed.
 */
function checkAddress(address: string): AddressCheck {
  const message = complaintAbout(address);
  return message === undefined ? { kind: 'address', address } : { kind: 'invalid', message };
}

function complaintAbout(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 0) return "Missing final '@domain'";
  return complaintAboutLocalPart(address.slice(0, at)) ?? complaintAboutDomain(address.slice(at + 1));
}

function complaintAboutLocalPart(localPart: string): string | undefined {
  if (localPart === '') return 'Missing local name';
  if (/^"[\x20-\x7e]*"$/.test(localPart)) return undefined;
  // SES has no SMTPUTF8: what is outside of printable ASCII is refused with the text for control characters
  if (/[^\x21-\x7e]/.test(localPart)) return 'Local address contains control or whitespace';
  if (/[()<>,;:\\"[\]@]/.test(localPart)) return 'Local address contains illegal character';
  return undefined;
}

function complaintAboutDomain(domain: string): string | undefined {
  if (domain === '') return 'Missing domain';
  if (/[^\x21-\x7e]/.test(domain)) return 'Domain contains control or whitespace';
  // UserName@[SubDomain.]Domain.TopLevelDomain is the documented form
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(domain)) return `Invalid domain name: '${domain}'.`;
  return undefined;
}
