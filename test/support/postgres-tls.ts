import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { serverUser } from '../../lib/emulators/postgres/server-process.ts';
import { openSession } from './outbox-database.ts';

/** Which connections the server accepts. */
export type EncryptionRule = 'host' | 'hostssl' | 'hostnossl';

/** The TLS of a running server, which a test turns on and off. */
export class PostgresTls {
  readonly #postgres: EmbeddedPostgres;
  readonly #directory: string;
  readonly #dataDirectory: string;

  private constructor(postgres: EmbeddedPostgres, directory: string, dataDirectory: string) {
    this.#postgres = postgres;
    this.#directory = directory;
    this.#dataDirectory = dataDirectory;
  }

  static async prepare(
    postgres: EmbeddedPostgres,
    certificate: { readonly certificatePem: string; readonly keyPem: string },
  ): Promise<PostgresTls> {
    const directory = await mkdtemp(join(tmpdir(), 'postgres-tls-'));
    const session = await openSession(postgres.connectionString);
    const { rows } = await session.query<{ data: string }>(
      `SELECT current_setting('data_directory') AS data`,
    );
    const tls = new PostgresTls(postgres, directory, rows[0]?.data ?? '');
    await session.end();
    await tls.#write('server.crt', certificate.certificatePem);
    await tls.#write('server.key', certificate.keyPem);
    return tls;
  }

  /** Restarts the server with TLS on or off, and with a rule for connections. */
  async set(ssl: 'on' | 'off', rule: EncryptionRule = 'host'): Promise<void> {
    await writeFile(
      join(this.#dataDirectory, 'postgresql.auto.conf'),
      [
        `ssl = ${ssl}`,
        `ssl_cert_file = '${join(this.#directory, 'server.crt')}'`,
        `ssl_key_file = '${join(this.#directory, 'server.key')}'`,
        '',
      ].join('\n'),
    );
    await writeFile(join(this.#dataDirectory, 'pg_hba.conf'), `${rule} all all 127.0.0.1/32 trust\n`);
    await this.#postgres.restart();
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** PostgreSQL refuses a key that others may read. */
  async #write(name: string, content: string): Promise<void> {
    const user = await serverUser();
    const file = join(this.#directory, name);
    await writeFile(file, content, { mode: 0o600 });
    if (user === undefined) return;
    await chown(file, user.uid, user.gid);
    await chown(this.#directory, user.uid, user.gid);
  }
}
