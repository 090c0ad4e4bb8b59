import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { PostgresOutbox, type PostgresOutboxOptions } from '../../lib/adapters/postgres/postgres-outbox.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { type EmbeddedPostgres, startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';

/** The columns of a row; the defaults are those of a plain mail of the API. */
export interface OutboxRow {
  readonly id?: string;
  readonly tenant_id?: string | null;
  readonly target_address?: string | null;
  readonly provider?: string | null;
  readonly status?: string;
  readonly attempt_count?: number;
  readonly last_error?: string | null;
  readonly created_at?: Date | string | null;
  readonly delivery_trace?: unknown;
  readonly next_retry_at?: Date | string | null;
  readonly mail?: unknown;
  readonly priority?: number;
  readonly expires_at?: Date | string | null;
  readonly owed_recipients?: readonly (string | null)[] | null;
  readonly lease_owner?: string | null;
  readonly lease_until?: Date | string | null;
  readonly lease_route?: string | null;
}

/** A row of the table. */
export interface StoredRow {
  readonly id: string;
  readonly provider: string | null;
  readonly status: string;
  readonly attempt_count: number;
  readonly last_error: string | null;
  readonly updated_at: Date | null;
  readonly delivered_at: Date | null;
  readonly next_retry_at: Date | null;
  readonly delivery_trace: unknown;
  readonly owed_recipients: string[] | null;
  readonly lease_owner: string | null;
  readonly lease_until: Date | null;
  readonly lease_route: string | null;
}

/** A server for a test file, on which each test creates a database. */
export class OutboxServer {
  readonly postgres: EmbeddedPostgres;

  private constructor(postgres: EmbeddedPostgres) {
    this.postgres = postgres;
  }

  static async start(): Promise<OutboxServer> {
    return new OutboxServer(await startPostgres());
  }

  /** @param migrated whether the migrations are applied @default true */
  async database({ migrated = true }: { readonly migrated?: boolean } = {}): Promise<OutboxDatabase> {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await withClient(this.postgres.connectionString, (client) => client.query(`CREATE DATABASE ${name}`));
    const url = new URL(this.postgres.connectionString);
    url.pathname = name;
    if (migrated) await migrate({ connectionString: url.href });
    return new OutboxDatabase(name, url.href);
  }

  async close(): Promise<void> {
    await this.postgres.close();
  }
}

/** A database for one test, and the outboxes that use it. */
export class OutboxDatabase {
  readonly name: string;
  readonly connectionString: string;
  readonly #outboxes: PostgresOutbox[] = [];

  constructor(name: string, connectionString: string) {
    this.name = name;
    this.connectionString = connectionString;
  }

  outbox(options: Partial<PostgresOutboxOptions> = {}): PostgresOutbox {
    const outbox = new PostgresOutbox({
      connectionString: this.connectionString,
      workerId: 'worker-1',
      providers: ['email'],
      defaultTimeToLiveMs: 4 * DAY_MS,
      ...options,
    });
    this.#outboxes.push(outbox);
    return outbox;
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await withClient(this.connectionString, async (client) => {
      const { rows } = await client.query<Row>(text, [...values]);
      return rows;
    });
  }

  /** Inserts rows in one statement, like the API, and returns their ids. */
  async insert(...rows: readonly OutboxRow[]): Promise<string[]> {
    const complete = rows.map((row) => ({
      id: `mail-${randomUUID()}`,
      tenant_id: 'tenant-1',
      target_address: 'marie@example.org',
      provider: 'email',
      status: 'queued',
      attempt_count: 0,
      created_at: new Date(),
      priority: 0,
      delivery_trace: PLAIN_TRACE,
      ...row,
    }));
    await this.query(
      `INSERT INTO outbound_deliveries (
         id, tenant_id, target_address, provider, status, attempt_count, last_error, created_at, delivery_trace,
         next_retry_at, mail, priority, expires_at, owed_recipients, lease_owner, lease_until, lease_route
       )
       SELECT
         id, tenant_id, target_address, provider, status, attempt_count, last_error, created_at, delivery_trace,
         next_retry_at, mail, priority, expires_at, owed_recipients, lease_owner, lease_until, lease_route
       FROM jsonb_populate_recordset(NULL::outbound_deliveries, $1::jsonb)`,
      [JSON.stringify(complete)],
    );
    return complete.map(({ id }) => id);
  }

  async row(id: string): Promise<StoredRow> {
    const [row] = await this.query<StoredRow>('SELECT * FROM outbound_deliveries WHERE id = $1', [id]);
    if (row === undefined) throw new Error(`there is no row ${id}`);
    return row;
  }

  /** Closes the outboxes; the database is removed with its server. */
  async close(): Promise<void> {
    await Promise.all(this.#outboxes.map((outbox) => outbox.close()));
  }
}

export const PLAIN_TRACE = {
  fromAddress: 'support@keybuzz.io',
  replyToAddress: 'reply@keybuzz.io',
  emailSubject: 'Your order',
  emailBody: 'It is on its way.',
};

/** A session for a test that holds a lock or a transaction; the test must end it. */
export async function openSession(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function withClient<Result>(
  connectionString: string,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await openSession(connectionString);
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
