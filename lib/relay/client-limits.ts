import { MINUTE_MS } from '../common/time.ts';
import type { Clock } from '../ports/runtime.ts';

export interface ClientLimitSettings {
  /** Connections of one client at a time. */
  readonly maxConnectionsPerClient: number;
  /** Mails of one client in a minute. */
  readonly maxMailsPerMinute: number;
  /** Bytes of mails in memory, of all clients; one client may have half of it. */
  readonly maxMemoryBytes: number;
}

/** Wrong passwords of one client in a minute; after that, none is checked until the minute is over. */
const MAX_WRONG_PASSWORDS = 5;

interface Client {
  connections: number;
  bytes: number;
  /** Of the minute that began then. */
  since: number;
  mails: number;
  wrongPasswords: number;
}

/** What each client, by its address, has of the relay; so that one of them leaves room for the others. */
export class ClientLimits {
  readonly #settings: ClientLimitSettings;
  readonly #clock: Clock;
  readonly #clients = new Map<string, Client>();
  #bytes = 0;

  constructor(settings: ClientLimitSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Of all mails that are in memory. */
  get bytesInMemory(): number {
    return this.#bytes;
  }

  /** @returns false if the client has too many connections; then it counts no more */
  connect(address: string): boolean {
    const client = this.#of(address);
    if (client.connections >= this.#settings.maxConnectionsPerClient) return false;
    client.connections += 1;
    return true;
  }

  disconnect(address: string): void {
    const client = this.#of(address);
    client.connections -= 1;
    this.#forgetIdle();
  }

  /** @returns false if the client has sent too many mails in this minute */
  beginMail(address: string): boolean {
    const client = this.#of(address);
    if (client.mails >= this.#settings.maxMailsPerMinute) return false;
    client.mails += 1;
    return true;
  }

  hasTooManyWrongPasswords(address: string): boolean {
    return this.#of(address).wrongPasswords >= MAX_WRONG_PASSWORDS;
  }

  wrongPassword(address: string): void {
    this.#of(address).wrongPasswords += 1;
  }

  /** Whether there is room for so many bytes more. */
  hasRoom(address: string, bytes: number): boolean {
    const { maxMemoryBytes } = this.#settings;
    return (
      this.#bytes + bytes <= maxMemoryBytes &&
      this.#of(address).bytes + bytes <= Math.ceil(maxMemoryBytes / 2)
    );
  }

  /** @param bytes negative to give them back */
  hold(address: string, bytes: number): void {
    this.#of(address).bytes += bytes;
    this.#bytes += bytes;
  }

  #of(address: string): Client {
    const now = this.#clock.now().getTime();
    let client = this.#clients.get(address);
    if (client === undefined) {
      client = { connections: 0, bytes: 0, since: now, mails: 0, wrongPasswords: 0 };
      this.#clients.set(address, client);
    }
    if (now - client.since >= MINUTE_MS || now < client.since)
      Object.assign(client, { since: now, mails: 0, wrongPasswords: 0 });
    return client;
  }

  /** Only those that have nothing here and whose minute is over: addresses come and go. */
  #forgetIdle(): void {
    if (this.#clients.size < MAX_KNOWN_CLIENTS) return;
    const now = this.#clock.now().getTime();
    for (const [address, { connections, bytes, since }] of this.#clients) {
      if (connections <= 0 && bytes <= 0 && now - since >= MINUTE_MS) this.#clients.delete(address);
    }
  }
}

const MAX_KNOWN_CLIENTS = 1_000;
