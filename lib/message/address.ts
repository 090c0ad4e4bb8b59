import { domainToASCII } from 'node:url';

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
  return text.replace(/[^\s<>()[\]",;:]{1,256}@[^\s<>()[\]",;:]{1,255}/gu, maskAddress);
}

/** The domain of an address in lower case and in its ASCII form (RFC 5891); empty where there is none. */
export function domainOf(address: string): string {
  if (!address.includes('@')) return '';
  return domainToASCII(split(address).domain);
}

/**
 * The address with its domain in ASCII (RFC 5891), as every mail server can take it. The local part stays as it
 * is: it has no ASCII form, and only its own server may say what it means.
 */
export function withAsciiDomain(address: string): string {
  const { localPart, domain } = split(address);
  const ascii = domainToASCII(domain);
  return ascii === '' ? address : `${localPart}@${ascii}`;
}

/** True where the local part needs SMTPUTF8 (RFC 6531), which SES does not speak. */
export function needsSmtpUtf8(address: string): boolean {
  return /[^\x20-\x7e]/.test(split(address).localPart);
}

/** True where the address belongs to the domain or to one below it, as an SES domain identity covers both. */
export function isWithinDomain(address: string, domain: string): boolean {
  const own = domainOf(address);
  const wanted = domainToASCII(domain);
  return own === wanted || own.endsWith(`.${wanted}`);
}
