import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type EmbeddedPostgres, startPostgres } from '../../../lib/emulators/postgres/embedded-postgres.ts';

let directory: string;
let postgres: EmbeddedPostgres;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'embedded-'));
  // If the test runs as root, the server runs as another user.
  chmodSync(directory, 0o777);
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.close();
  rmSync(directory, { recursive: true, force: true });
});

async function query(text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: postgres.connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function connectTo(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

describe('the embedded PostgreSQL', () => {
  it('keeps its data and its port across a restart and a power failure', async () => {
    await query('CREATE TABLE kept (n int)');
    await query('INSERT INTO kept VALUES (1)');

    await postgres.restart('fast');
    await postgres.restart('immediate');

    expect(await query('SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('refuses connections while it is stopped', async () => {
    await postgres.stop();

    await expect(query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await postgres.start();
    expect(await query('SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('listens only on this machine', async () => {
    expect(await query('SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });

  it('does not outlive the program that started it', async () => {
    const module = new URL('../../../lib/emulators/postgres/embedded-postgres.ts', import.meta.url).href;
    const program = `
      const { startPostgres } = await import('${module}');
      const postgres = await startPostgres({ directory: '${directory}' });
      process.stdout.write(String(postgres.port));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [port] = await once(child.stdout, 'data');

    child.kill('SIGKILL');

    await until(() => readdirSync(directory).length === 0);
    await expect(connectTo(Number(port))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('removes its data when it is closed', async () => {
    const other = await startPostgres({ directory });
    expect(readdirSync(directory)).toHaveLength(1);

    await other.close();

    expect(readdirSync(directory)).toEqual([]);
    expect(existsSync(directory)).toBe(true);
  });
});
