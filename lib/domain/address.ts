import { domainToASCII } from 'node:url';

/** A host name in any script (RFC 5890): labels with a dot between each two, none empty. */
const HOST_PATTERN = String.raw`[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)*`;
const HOST = new RegExp(`^${HOST_PATTERN}$`, 'u');

/**
 * An address without a name around it: one `@`, and another only inside the quotes of its local part. Each
 * character can be read in one way alone, so that no input takes long.
 */
export const BARE_ADDRESS = new RegExp(
  String.raw`^(?:[^\s<>()[\]\\,;:"@\p{Cc}]+|"(?:[^\s<>"\\\p{Cc}]|\\[^\s<>\p{Cc}])*")@${HOST_PATTERN}$`,
  'u',
);

/** Splits at the last `@`: a quoted local part may hold one of its own (RFC 5321, 4.1.2). */
function split(address: string): { localPart: string; domain: string } {
  const at = address.lastIndexOf('@');
  return { localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

/**
 * Shows that two log lines speak of the same kind of recipient without telling who it is:
 * `marie@example.org` becomes `m***@example.org`.
 */
export function maskAddress(address: string): string {
  if (!address.includes('@')) return '***';
  const { localPart, domain } = split(address);
  return `${localPart.slice(0, 1)}***@${domain}`;
}

/** Masks every address inside a server's answer or an error message, which often quote the recipient. */
export function maskAddressesIn(text: string): string {
  return text.replace(
    /(?:"(?:[^"\\]|\\.){0,256}"|[^\s<>()[\]",;:]{1,256})@(?:\[[^\s[\]]{1,255}\]|[^\s<>()[\]",;:]{1,255})/gu,
    maskAddress,
  );
}

/**
 * The host name in lower case and in its ASCII form (RFC 5891); empty where it is none. Only what is not ASCII goes
 * through the look-up of a URL's host, which cuts `example.org/x` and makes an IPv4 address of a number.
 */
function asciiDomain(domain: string): string {
  if (!HOST.test(domain)) return '';
  if (/^[\x20-\x7e]*$/.test(domain)) return domain.toLowerCase();
  const ascii = domainToASCII(domain);
  return /(?:^|\.)\d+$/.test(ascii) ? '' : ascii;
}

/** The domain of an address in lower case and in its ASCII form (RFC 5891); empty where there is none. */
export function parseDomain(address: string): string {
  return address.includes('@') ? asciiDomain(split(address).domain) : '';
}

/**
 * The address with its domain in ASCII (RFC 5891), as every mail server can take it. The local part stays as it
 * is: it has no ASCII form, and only its own server may say what it means.
 */
export function withAsciiDomain(address: string): string {
  const ascii = parseDomain(address);
  return ascii === '' ? address : `${split(address).localPart}@${ascii}`;
}

/**
 * The form in which two mentions of one mailbox are the same. Only its own server may say whether case matters in a
 * local part (RFC 5321, 2.4); in practice it does not, and SES's own suppression list takes no notice of it either.
 */
export function addressKey(address: string): string {
  return withAsciiDomain(address).toLowerCase();
}

/** True where the local part needs SMTPUTF8 (RFC 6531), which SES does not speak. */
export function needsSmtpUtf8(address: string): boolean {
  return /[^\x20-\x7e]/.test(split(address).localPart);
}

/** True where the address belongs to the domain or to one below it, as an SES domain identity covers both. */
export function isWithinDomain(address: string, domain: string): boolean {
  const own = parseDomain(address);
  const wanted = asciiDomain(domain);
  return own !== '' && wanted !== '' && (own === wanted || own.endsWith(`.${wanted}`));
}

/** The same recipient named in To and Cc gets the mail once; the order of first mention stays. */
export function distinctRecipients(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(withAsciiDomain))];
}

/** Cuts a list of recipients into parts of at most `size`, none empty. */
export function chunkRecipients(recipients: readonly string[], size: number): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < recipients.length; start += size) {
    chunks.push(recipients.slice(start, start + size));
  }
  return chunks;
}
