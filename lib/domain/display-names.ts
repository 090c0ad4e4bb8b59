/** A quoted string, an address in angle brackets, a comment, other text, or one special character. */
const PIECE = /"(?:[^"\\]|\\.)*"|<[^<>]*>|\([^()]*\)|[^"<(:;,]+|./gs;

/** More than any list of addresses needs, and small enough to go through piece by piece. */
const MAX_LIST_CHARACTERS = 2 * 1024 * 1024;

/** The characters of a name that mean something else without quotes: a group, or the end of an address. */
const NEEDS_QUOTES = /[:;,]/;

/** RFC 2047 allows no encoded word within quotes. */
const ENCODED_WORD = '=?';

/**
 * A list of addresses whose names are quoted where they must be (RFC 5322, 3.2.3). `KeyBuzz: Support <support@keybuzz.io>` means
 * a name; without quotes its colon begins a group. A group that is
 * closed, `Team: a@example.org, b@example.org;`, is one.
 */
export function quoteDisplayNames(list: string): string {
  if (!/[:;,(]/.test(list) || list.includes(ENCODED_WORD) || list.length > MAX_LIST_CHARACTERS) return list;
  const pieces = list.match(PIECE) ?? [];
  if (isGroup(pieces)) return list;
  const written = splitList(pieces);
  const quoted = joinNames(written).map(quoteName);
  return quoted.length === written.length && quoted.every((mailbox, index) => mailbox === written[index])
    ? list
    : quoted.map((mailbox) => mailbox.trim()).join(', ');
}

function isGroup(pieces: readonly string[]): boolean {
  const colon = pieces.indexOf(':');
  return colon !== -1 && pieces.indexOf(';', colon) !== -1;
}

function splitList(pieces: readonly string[]): string[] {
  const parts = [''];
  for (const piece of pieces) {
    if (piece === ',' || piece === ';') parts.push('');
    else parts.push((parts.pop() ?? '') + piece);
  }
  return parts;
}

/** What has no address is the beginning of the name after it: `Martin, Marie <marie@example.org>`. */
function joinNames(parts: readonly string[]): string[] {
  const mailboxes: string[] = [];
  let begun: string | undefined;
  for (const [index, part] of parts.entries()) {
    const mailbox = begun === undefined ? part : `${begun},${part}`;
    const isName = part.trim() !== '' && !part.includes('@') && index < parts.length - 1;
    begun = isName ? mailbox : undefined;
    if (!isName) mailboxes.push(mailbox);
  }
  return mailboxes;
}

const NAMED = /^(?<name>[^<>]*\S)\s*(?<address><[^<>]+>)\s*$/;
const AFTER_COLON = /^(?<name>[^<>"@:]+):\s*(?<address>[^\s<>"(),:;@]+@[^\s<>"(),:;@]+)\s*$/;
const BEFORE_COMMENT = /^\s*(?<address>[^\s<>"(),:;@]+@[^\s<>"(),:;@]+)\s*\((?<name>[^()\\]*)\)\s*$/;

function quoteName(mailbox: string): string {
  const named = NAMED.exec(mailbox)?.groups;
  if (named?.name !== undefined) {
    const outside = named.name.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
    return NEEDS_QUOTES.test(outside) ? `${quotedString(named.name)} ${named.address}` : mailbox;
  }
  const loose = (AFTER_COLON.exec(mailbox) ?? BEFORE_COMMENT.exec(mailbox))?.groups;
  if (loose?.name === undefined) return mailbox;
  const isAddressAlone = loose.name.trim() === '' || /^\s*mailto$/i.test(loose.name);
  return isAddressAlone ? (loose.address ?? '') : `${quotedString(loose.name)} <${loose.address}>`;
}

/** Quotes within the name were its writer's, and are part of the same quoted string. */
function quotedString(name: string): string {
  const plain = name
    .trim()
    .replaceAll(/"((?:[^"\\]|\\.)*)"/g, (_, inner: string) => inner.replaceAll(/\\(.)/g, '$1'));
  return `"${plain.replaceAll(/["\\]/g, '\\$&')}"`;
}
