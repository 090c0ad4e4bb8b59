import { BlockList, isIP, isIPv4 } from 'node:net';

/** A range of addresses, such as 10.0.0.0/8 or 2001:db8::/32; an address alone is a range of one. */
const RANGE = /^([\da-f.:]+?)(?:\/(\d{1,3}))?$/i;

/** The least that is allowed: half of the internet as a trusted network would be an open relay. */
const MIN_PREFIX = { ipv4: 8, ipv6: 16 } as const;

/** Whether a text is a range of addresses that is small enough to be trusted. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

function parseNetwork(text: string) {
  const [, address = '', bits] = RANGE.exec(text) ?? [];
  if (isIP(address) === 0) return undefined;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const longest = family === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? longest : Number(bits);
  if (prefix < MIN_PREFIX[family] || prefix > longest) return undefined;
  return { address, prefix, family } as const;
}

/** Clients that may send without AUTH. */
export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const parsed = parseNetwork(network);
      if (parsed !== undefined) this.#list.addSubnet(parsed.address, parsed.prefix, parsed.family);
    }
  }

  /** @param address of a connection; an IPv4 address may come in its IPv6 form */
  has(address: string): boolean {
    const bare = address.replace(/^::ffff:(?=\d+\.)/i, '');
    if (isIP(bare) === 0) return false;
    return this.#list.check(bare, isIPv4(bare) ? 'ipv4' : 'ipv6');
  }
}
