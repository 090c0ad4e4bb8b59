import { withAsciiDomain } from './address.ts';

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
