import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionPool } from '../../../lib/adapters/postgres/connection.ts';
import { migrate } from '../../../lib/adapters/postgres/migrate.ts';
import type { PostgresSettings } from '../../../lib/adapters/postgres/postgres-settings.ts';
import type { SslMode } from '../../../lib/adapters/postgres/tls.ts';
import { issueCertificates, type SmtpCertificates } from '../../../lib/emulators/smtp/certificates.ts';
import { OutboxServer } from '../../support/outbox-database.ts';
import { type EncryptionRule, PostgresTls } from '../../support/postgres-tls.ts';

let certificates: SmtpCertificates;
let directory: string;
const files = { server: '', other: '', missing: '' };
beforeAll(async () => {
  certificates = await issueCertificates(new Date());
  directory = await mkdtemp(join(tmpdir(), 'root-certificates-'));
  files.server = join(directory, 'server.pem');
  files.other = join(directory, 'other.pem');
  files.missing = join(directory, 'missing.pem');
  await writeFile(files.server, certificates.valid.certificatePem);
  await writeFile(files.other, certificates.expired.certificatePem);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Whether the connection is encrypted, or why there is none. */
type Connected = 'encrypted' | 'plain' | 'refused';

async function connect(settings: PostgresSettings): Promise<Connected> {
  const pool = new ConnectionPool(settings, 'ssl-modes');
  try {
    const [row] = await pool.query<{ ssl: boolean }>(
      'connect',
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      [],
    );
    return row?.ssl === true ? 'encrypted' : 'plain';
  } catch (error) {
    if (error instanceof Error && error.name === 'OutboxUnavailableError') return 'refused';
    throw error;
  } finally {
    await pool.close();
  }
}

/** What the modes of libpq do at a server with a certificate that no public authority has issued. */
const EXPECTED: readonly (readonly [
  'on' | 'off',
  EncryptionRule,
  Readonly<Partial<Record<SslMode, Connected>>>,
])[] = [
  [
    'off',
    'host',
    {
      disable: 'plain',
      allow: 'plain',
      prefer: 'plain',
      require: 'refused',
      'verify-full': 'refused',
      'no-verify': 'refused',
    },
  ],
  [
    'on',
    'host',
    {
      disable: 'plain',
      allow: 'plain',
      prefer: 'encrypted',
      require: 'encrypted',
      'verify-full': 'refused',
      'no-verify': 'encrypted',
    },
  ],
  ['on', 'hostssl', { disable: 'refused', allow: 'encrypted', prefer: 'encrypted', require: 'encrypted' }],
  ['on', 'hostnossl', { disable: 'plain', allow: 'plain', prefer: 'plain', require: 'refused' }],
];

describe.each(EXPECTED)('a server with ssl = %s and the rule %s', (ssl, rule, expected) => {
  let server: OutboxServer;
  let tls: PostgresTls;
  beforeAll(async () => {
    server = await OutboxServer.start();
    tls = await PostgresTls.prepare(server.postgres, certificates.valid);
    await tls.set(ssl, rule);
  });
  afterAll(async () => {
    await server.close();
    await tls.remove();
  });

  it.each(Object.entries(expected))('with sslmode %s is %s', async (mode, connected) => {
    const { connectionString } = server.postgres;

    expect(await connect({ connectionString: `${connectionString}?sslmode=${mode}` })).toBe(connected);
    expect(await connect({ connectionString, sslMode: mode as SslMode })).toBe(connected);
  });

  it('without a mode is as with prefer', async () => {
    expect(await connect({ connectionString: server.postgres.connectionString })).toBe(expected.prefer);
  });
});

describe('a root certificate', () => {
  let server: OutboxServer;
  let tls: PostgresTls;
  beforeAll(async () => {
    server = await OutboxServer.start();
  });
  afterEach(() => tls.remove());
  afterAll(() => server.close());

  const through = (parameters: string, host = '127.0.0.1') => {
    const url = server.postgres.connectionString.replace('127.0.0.1', host);
    return connect({ connectionString: `${url}?${parameters}` });
  };

  it('is verified from require on, the name by verify-full alone', async () => {
    tls = await PostgresTls.prepare(server.postgres, certificates.wrongName);
    await tls.set('on');
    const root = join(directory, 'wrong-name.pem');
    await writeFile(root, certificates.wrongName.certificatePem);

    expect(await through(`sslmode=require&sslrootcert=${root}`)).toBe('encrypted');
    expect(await through(`sslmode=verify-ca&sslrootcert=${root}`)).toBe('encrypted');
    expect(await through(`sslmode=verify-full&sslrootcert=${root}`)).toBe('refused');
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(await through(`sslmode=${mode}&sslrootcert=${files.other}`)).toBe('refused');
    }
    for (const mode of ['prefer', 'no-verify']) {
      expect(await through(`sslmode=${mode}&sslrootcert=${files.other}`)).toBe('encrypted');
    }
  });

  it('with the name of the server satisfies verify-full, also in the migrations', async () => {
    tls = await PostgresTls.prepare(server.postgres, certificates.valid);
    await tls.set('on', 'hostssl');
    const parameters = `sslmode=verify-full&sslrootcert=${files.server}`;

    expect(await through(parameters)).toBe('encrypted');
    const { applied } = await migrate({
      connectionString: `${server.postgres.connectionString}?${parameters}`,
    });
    expect(applied).not.toEqual([]);
  });
});

describe('a mode that cannot verify what it promises to', () => {
  it.each([
    ['sslmode=verify-ca', 'sslmode = "verify-ca" needs a root certificate'],
    ['sslmode=require&sslrootcert=system', 'cannot be used with sslrootcert = "system"'],
  ])('is refused: %s', (parameters, message) => {
    expect(() => new ConnectionPool({ connectionString: `postgres://db/x?${parameters}` }, 'test')).toThrow(
      expect.objectContaining({ code: 'ESETTINGS', message: expect.stringContaining(message) }),
    );
  });

  it('is refused if the file is missing', () => {
    const connectionString = `postgres://db/x?sslmode=verify-full&sslrootcert=${files.missing}`;

    expect(() => new ConnectionPool({ connectionString }, 'test')).toThrow(
      'missing.pem": cannot be read (ENOENT)',
    );
  });
});
