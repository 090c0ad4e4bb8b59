import { BARE_ADDRESS } from './address.ts';

/** What an address list is written of (RFC 5322, 3.2); a comment, a group's colon or a stray backslash is not here. */
const TOKEN = /(?<space>[ \t]+)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<atom>[^ \t"(),:;<>@[\]\\]+)|[<>,@]/uy;

/** One letter a token: `a` an atom, `q` a quoted string, a blank for white space, specials as they are. */
const NAMED = /^ ?(?:[aq] ?)*<([aq]@a)> ?$/;
const BARE = /^ ?([aq]@a) ?$/;

/** RFC 2047 keeps encoded words out of addresses; some readers decode them there all the same. */
const ENCODED_WORD = '=?';

/** More than any mail has authors, and little enough to be cut into tokens. */
const MAX_LIST_CHARACTERS = 16 * 1024;

interface Token {
  readonly kind: string;
  readonly text: string;
}

/**
 * The addresses of a From or Sender field that can be read in one way alone: each mailbox bare or after a name, and
 * nothing that programs read differently. Undefined where it is not so.
 *
 * @param value the unfolded value of the field
 */
export function readMailboxList(value: string): string[] | undefined {
  const tokens = value.length > MAX_LIST_CHARACTERS ? undefined : tokensOf(value);
  if (tokens === undefined) return undefined;
  const addresses: string[] = [];
  for (const mailbox of splitAtCommas(tokens)) {
    const address = addressOf(mailbox);
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return addresses;
}

function tokensOf(value: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < value.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(value);
    if (match === null) return undefined;
    const [text] = match;
    tokens.push({ kind: kindOf(match), text });
  }
  return tokens;
}

function kindOf({ 0: text, groups }: RegExpExecArray): string {
  if (groups?.space !== undefined) return ' ';
  if (groups?.quoted !== undefined) return 'q';
  return groups?.atom === undefined ? text : 'a';
}

function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === ',') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

function addressOf(mailbox: readonly Token[]): string | undefined {
  const shape = mailbox.map(({ kind }) => kind).join('');
  if (!NAMED.test(shape) && !BARE.test(shape)) return undefined;
  const at = shape.indexOf('@');
  const address = mailbox
    .slice(at - 1, at + 2)
    .map(({ text }) => text)
    .join('');
  const isPlain = BARE_ADDRESS.test(address) && address.split('@').length === 2;
  return isPlain && !address.includes(ENCODED_WORD) ? address : undefined;
}
