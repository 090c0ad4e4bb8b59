import { domainToASCII } from 'node:url';

interface Patterns {
  /** A host name (RFC 5890): non-empty labels separated by dots. */
  readonly host: RegExp;
  /**
   * An address without a display name: one `@`, others only inside a quoted local part. Each character matches
   * in only one way, so that no input causes backtracking.
   */
  readonly bareAddress: RegExp;
}

/** @param letters a character class of what the labels of a host name are made of, besides the hyphen */
function patternsWith(letters: string): Patterns {
  const host = String.raw`[${letters}-]+(?:\.[${letters}-]+)*`;
  const localPart = String.raw`[^\s<>()[\]\\,;:"@\p{Cc}]+|"(?:[^\s<>"\\\p{Cc}]|\\[^\s<>\p{Cc}])*"`;
  return { host: new RegExp(`^${host}$`, 'u'), bareAddress: new RegExp(`^(?:${localPart})@${host}$`, 'u') };
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const asciiPatterns = patternsWith('A-Za-z0-9');
let patternsOfAnyScript: Patterns | undefined;

/** V8 takes milliseconds to compile the classes of Unicode, and nearly all addresses are ASCII. */
function patternsFor(text: string): Patterns {
  if (PRINTABLE_ASCII.test(text)) return asciiPatterns;
  patternsOfAnyScript ??= patternsWith(String.raw`\p{L}\p{M}\p{N}`);
  return patternsOfAnyScript;
}

/** Whether it is an address without a display name, its domain in any script. */
export function isBareAddress(address: string): boolean {
  return patternsFor(address).bareAddress.test(address);
}

/**
 * What a bare address looks like in the published schema, in a form that the regular expressions of all languages
 * read in the same way. Outside ASCII it takes more than {@link isBareAddress}: classes such as `\p{L}` are not among
 * what they share.
 */
export const ADDRESS_SHAPE = new RegExp(
  String.raw`^(?:[^\x00-\x20<>()\[\]\\,;:"@\x7f-\xa0]+|"(?:[^\x00-\x20<>"\\\x7f-\xa0]|\\[^\x00-\x20<>\x7f-\xa0])*")@LABEL(?:\.LABEL)*$`.replaceAll(
    'LABEL',
    String.raw`[^\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x60\x7b-\xa0]+`,
  ),
);

/** Splits at the last `@`: a quoted local part may contain one (RFC 5321, 4.1.2). */
function split(address: string): { localPart: string; domain: string } {
  const at = address.lastIndexOf('@');
  return { localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

/**
 * Makes log lines comparable without revealing the recipient: `marie@example.org` becomes `m***@example.org`.
 */
export function maskAddress(address: string): string {
  if (!address.includes('@')) return '***';
  const { localPart, domain } = split(address);
  return `${localPart.slice(0, 1)}***@${domain}`;
}

/** Masks every address in a server response or an error message, which often quote the recipient. */
export function maskAddressesIn(text: string): string {
  return text.replace(
    /(?:"(?:[^"\\]|\\.){0,256}"|[^\s<>()[\]",;:]{1,256})@(?:\[[^\s[\]]{1,255}\]|[^\s<>()[\]",;:]{1,255})/gu,
    maskAddress,
  );
}

/**
 * The host name in lower-case ASCII (RFC 5891); empty if invalid. Only non-ASCII names go through URL host
 * parsing, which truncates `example.org/x` and turns a number into an IPv4 address.
 */
function asciiDomain(domain: string): string {
  if (!patternsFor(domain).host.test(domain)) return '';
  if (PRINTABLE_ASCII.test(domain)) return domain.toLowerCase();
  const ascii = domainToASCII(domain);
  return /(?:^|\.)\d+$/.test(ascii) ? '' : ascii;
}

/** The domain of an address in lower-case ASCII (RFC 5891); empty if there is none. */
export function parseDomain(address: string): string {
  return address.includes('@') ? asciiDomain(split(address).domain) : '';
}

/**
 * The address with its domain in ASCII (RFC 5891), which every mail server accepts. The local part is
 * unchanged: it has no ASCII form, and only its own server may interpret it.
 */
export function withAsciiDomain(address: string): string {
  const ascii = parseDomain(address);
  return ascii === '' ? address : `${split(address).localPart}@${ascii}`;
}

/**
 * The normalized form for comparing mailboxes. Only the mailbox's server may decide whether case matters in a
 * local part (RFC 5321, 2.4); in practice it does not, and the SES suppression list ignores case too.
 */
export function addressKey(address: string): string {
  return withAsciiDomain(address).toLowerCase();
}

/** True if the local part needs SMTPUTF8 (RFC 6531), which SES does not support. */
export function needsSmtpUtf8(address: string): boolean {
  return /[^\x20-\x7e]/.test(split(address).localPart);
}

/** RFC 5321, 4.5.3.1. */
const MAX_LOCAL_PART_CHARACTERS = 64;

/** `UserName@[SubDomain.]Domain.TopLevelDomain`, each label as RFC 1035 limits it. */
const MAIL_DOMAIN = /^(?=.{1,255}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/;

/**
 * Why SES does not send to or from an address that an SMTP server may take; undefined if it does.
 *
 * @see https://docs.aws.amazon.com/ses/latest/APIReference/API_Destination.html
 */
export function findAddressProblem(address: string): string | undefined {
  const { localPart } = split(address);
  if (needsSmtpUtf8(address)) return 'its local part is not ASCII, and SES does not speak SMTPUTF8';
  if (localPart.length > MAX_LOCAL_PART_CHARACTERS) {
    return `its local part has more than ${MAX_LOCAL_PART_CHARACTERS} characters`;
  }
  if (!localPart.startsWith('"') && /^\.|\.\.|\.$/.test(localPart)) {
    return 'its local part begins or ends with a dot, or has two in a row';
  }
  return MAIL_DOMAIN.test(parseDomain(address))
    ? undefined
    : 'its domain is no name with a top-level domain, such as example.org';
}

/** True if the address is in the domain or a subdomain: an SES domain identity covers both. */
export function isWithinDomain(address: string, domain: string): boolean {
  const own = parseDomain(address);
  const wanted = asciiDomain(domain);
  return own !== '' && wanted !== '' && (own === wanted || own.endsWith(`.${wanted}`));
}

/**
 * A recipient in both To and Cc gets the mail once, even if the two differ in case; keeps the first spelling,
 * and the order of first occurrence.
 */
export function distinctRecipients(addresses: readonly string[]): string[] {
  const spellings = new Map<string, string>();
  for (const address of addresses) {
    const key = addressKey(address);
    if (!spellings.has(key)) spellings.set(key, withAsciiDomain(address));
  }
  return [...spellings.values()];
}

/** Splits a list of recipients into non-empty chunks of at most `size`. */
export function chunkRecipients(recipients: readonly string[], size: number): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < recipients.length; start += size) {
    chunks.push(recipients.slice(start, start + size));
  }
  return chunks;
}
