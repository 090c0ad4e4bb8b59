import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** The cost of scrypt: about 32 MB and a tenth of a second for each guess. */
const LOG2_N = 15;
const BLOCK_SIZE = 8;
const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** A hash from elsewhere must not take all memory. */
const MAX_LOG2_N = 17;
const MAX_BLOCK_SIZE = 16;

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** `$scrypt$ln=15,r=8,p=1$salt$hash`, as the password hashing competition writes it. */
const HASH = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=1\$([A-Za-z0-9+/]{8,})\$([A-Za-z0-9+/]{20,})$/;

/** A program that may send after AUTH. */
export interface RelayUser {
  readonly name: string;
  readonly hash: string;
}

/** The hash of a password, for the file or the variable of the users. */
export async function hashPassword(
  password: string,
  salt: Buffer = randomBytes(SALT_BYTES),
): Promise<string> {
  const key = await deriveKey(password, salt, LOG2_N, BLOCK_SIZE, KEY_BYTES);
  return `$scrypt$ln=${LOG2_N},r=${BLOCK_SIZE},p=1$${unpadded(salt)}$${unpadded(key)}`;
}

/**
 * Reads users, one a line or with a blank between: `name:$scrypt$…`. A line that begins with # is a comment.
 *
 * @returns undefined if one of them is none
 */
export function parseUsers(text: string): RelayUser[] | undefined {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  const users = lines
    .flatMap((line) => line.split(/\s+/))
    .filter((entry) => entry !== '')
    .map(parseUser);
  const names = new Set(users.map((user) => user?.name));
  return users.includes(undefined) || names.size < users.length
    ? undefined
    : users.filter((user) => user !== undefined);
}

function parseUser(entry: string): RelayUser | undefined {
  const colon = entry.indexOf(':');
  const [name, hash] = [entry.slice(0, colon), entry.slice(colon + 1)];
  const [, ln, r] = HASH.exec(hash) ?? [];
  const isBounded = Number(ln) >= 10 && Number(ln) <= MAX_LOG2_N && Number(r) <= MAX_BLOCK_SIZE;
  return isBounded && /^[\x21-\x39\x3b-\x7e]{1,64}$/.test(name) ? { name, hash } : undefined;
}

/** A user that there is not takes as long as a wrong password: the time must not tell the names. */
const NO_USER: RelayUser = {
  name: '',
  hash: `$scrypt$ln=${LOG2_N},r=${BLOCK_SIZE},p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
};

/** At once: each takes memory and a thread of Node's pool, which DNS lookups need as well. */
const MAX_CHECKS = 2;

/** Checks passwords. A right one is remembered, so that a program's next session costs nothing. */
export class UserCheck {
  readonly #users: ReadonlyMap<string, RelayUser>;
  /** By a key of this process, so that no password stays in memory. */
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, Buffer>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(users: readonly RelayUser[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
  }

  get hasUsers(): boolean {
    return this.#users.size > 0;
  }

  async isRight(name: string, password: string): Promise<boolean> {
    const digest = createHmac('sha256', this.#key).update(password).digest();
    const known = this.#right.get(name);
    if (known !== undefined && timingSafeEqual(known, digest)) return true;
    const user = this.#users.get(name);
    await this.#turn();
    try {
      const isRight = await matches(password, (user ?? NO_USER).hash);
      if (user === undefined || !isRight) return false;
      this.#right.set(name, digest);
      return true;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#running >= MAX_CHECKS)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    this.#running += 1;
  }
}

async function matches(password: string, hash: string): Promise<boolean> {
  const [, ln, r, salt = '', expected = ''] = HASH.exec(hash) ?? [];
  const wanted = Buffer.from(expected, 'base64');
  const key = await deriveKey(password, Buffer.from(salt, 'base64'), Number(ln), Number(r), wanted.length);
  return timingSafeEqual(key, wanted);
}

function deriveKey(password: string, salt: Buffer, ln: number, r: number, bytes: number): Promise<Buffer> {
  const N = 2 ** ln;
  return derive(password, salt, bytes, { N, r, p: 1, maxmem: 256 * N * r });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
