import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, Pool } from 'pg';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { WorkerProcess } from '../../lib/emulators/worker-process.ts';
import { takeAll, takeEnvelopes } from '../support/queue-contents.ts';

const WORKER = fileURLToPath(new URL('../../bin/outbound-worker.ts', import.meta.url));

const TEXT = {
  from: 'support@keybuzz.io',
  to: 'marie@example.org',
  subject: 'Your order',
  text: 'On its way.',
};

interface Row {
  readonly id: string;
  readonly status: string;
  readonly provider: string;
  readonly last_error: string | null;
  readonly delivery_trace: {
    readonly attempts: readonly {
      readonly outcome: string;
      readonly failure?: { readonly class: string; code?: string };
    }[];
  };
}

describe('the worker process', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let pool: Pool;
  let smtp: SmtpDouble;
  let aws: SqsAndS3;
  let workers: WorkerProcess[];
  let logged: string[];

  const environment = (overrides: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: postgres.connectionString,
    SMTP_HOST: smtp.host,
    SMTP_PORT: String(smtp.port),
    SMTP_TLS_CA: smtp.certificatePem,
    FALLBACK_QUEUE_URL: aws.fallback.url,
    PAYLOAD_BUCKET: aws.bucket,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    OUTBOUND_POLL_INTERVAL_MS: '100',
    OUTBOUND_LEASE_MS: '1000',
    ...overrides,
  });

  async function startWorker(overrides: Record<string, string> = {}): Promise<WorkerProcess> {
    const worker = await WorkerProcess.start({
      environment: environment(overrides),
      onLogLine: (line) => logged.push(line),
    });
    workers.push(worker);
    return worker;
  }

  function run(
    args: readonly string[],
    env: Record<string, string>,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [WORKER, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  }

  async function insert(id: string, mail: unknown = TEXT, provider = 'smtp'): Promise<void> {
    await pool.query(
      `INSERT INTO outbound_deliveries (id, tenant_id, provider, status, attempt_count, created_at, mail, delivery_trace)
       VALUES ($1, 'tenant-7', $3, 'queued', 0, now(), $2, '{}')`,
      [id, JSON.stringify(mail), provider],
    );
  }

  /** Resolves with the rows once none of them is leased; a trigger on the table notifies of each change. */
  async function allSettled(): Promise<Row[]> {
    const listener = new Client({ connectionString: postgres.connectionString });
    await listener.connect();
    await listener.query('LISTEN test_settled');
    try {
      for (;;) {
        const { rows } = await pool.query<Row & { lease_owner: string | null }>(
          'SELECT * FROM outbound_deliveries ORDER BY id',
        );
        if (rows.every(({ status, lease_owner: owner }) => status !== 'queued' && owner === null))
          return rows;
        await once(listener, 'notification', { signal: AbortSignal.timeout(30_000) });
      }
    } finally {
      await listener.end();
    }
  }

  beforeAll(async () => {
    postgres = await startPostgres();
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    await migrate({ connectionString: postgres.connectionString });
    pool = new Pool({ connectionString: postgres.connectionString });
    pool.on('error', () => {});
    await pool.query(`
      CREATE FUNCTION tell_settled() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('test_settled', ''); RETURN NULL; END $$;
      CREATE TRIGGER tell_settled AFTER UPDATE ON outbound_deliveries
        FOR EACH STATEMENT EXECUTE FUNCTION tell_settled();`);
  });

  afterAll(async () => {
    await pool.end();
    await aws.close();
    await postgres.close();
  });

  beforeEach(async () => {
    logged = [];
    workers = [];
    smtp = await startSmtpDouble();
    await pool.query('TRUNCATE outbound_deliveries');
    await takeAll(aws, aws.fallback);
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await smtp.close();
  });

  it('sends what the API writes, and reports its health and metrics', async () => {
    const worker = await startWorker();
    await insert('a');
    const [row] = await allSettled();

    expect(row).toMatchObject({ status: 'delivered', provider: 'smtp' });
    const [health, ready, metrics] = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map(async (path) => {
        const answer = await fetch(`${worker.healthUrl}${path}`);
        return { status: answer.status, text: await answer.text() };
      }),
    );
    expect(health?.status).toBe(200);
    expect(JSON.parse(ready?.text ?? '')).toMatchObject({ status: 'ready', breaker: 'closed' });
    expect(metrics?.text).toMatch(/^outbound_taken_total 1$/m);
  });

  it('finishes what is in flight at SIGTERM, and exits with 0', async () => {
    await smtp.behave({ kind: 'slow', bytesPerSecond: 1_000 });
    const worker = await startWorker();
    await insert('a');
    await smtp.reached('data');

    expect(await worker.stop()).toBe(0);
    const [row] = await allSettled();
    expect(row).toMatchObject({ status: 'delivered' });
  });

  it('leaves unfinished rows to other workers at the drain timeout, and exits with 1', async () => {
    await smtp.behave({ kind: 'break', at: 'final-dot', by: 'stall' });
    const worker = await startWorker({ OUTBOUND_DRAIN_TIMEOUT_MS: '50' });
    await insert('a');
    await smtp.reached('final-dot');

    expect(await worker.stop()).toBe(1);
  });

  it('is replaced after a kill -9, and the mail that may have been sent is classified unknown', async () => {
    await smtp.behave({ kind: 'break', at: 'final-dot', by: 'stall' });
    const worker = await startWorker();
    await insert('a');
    await smtp.reached('final-dot');
    await worker.kill();
    await startWorker();
    const [row] = await allSettled();

    expect(row).toMatchObject({ status: 'sending', provider: 'ses' });
    expect(row?.delivery_trace.attempts.at(-1)).toMatchObject({
      failure: { class: 'unknown', code: 'LEASE_ENDED' },
    });
    expect((await takeEnvelopes(aws)).map(({ id }) => id)).toEqual(['a']);
  });

  it('survives a database restart under load and loses no mail', async () => {
    const worker = await startWorker();
    for (let index = 0; index < 200; index += 1) await insert(`mail-${String(index).padStart(3, '0')}`);
    await postgres.restart();
    const rows = await allSettled();

    expect(rows).toHaveLength(200);
    expect(rows.filter(({ status }) => status !== 'delivered' && status !== 'sending')).toEqual([]);
    const sent = smtp.mails.length + (await takeEnvelopes(aws)).length;
    expect(sent).toBe(200);
    expect(await worker.stop()).toBe(0);
  });

  it('ends each hostile row with the right status', async () => {
    await insert('no-recipient', { ...TEXT, to: [] });
    await insert('line-break-in-subject', { ...TEXT, subject: 'Hi\r\nBcc: eve@evil.example' });
    await insert('line-break-in-address', { ...TEXT, to: 'marie@example.org\r\nRCPT TO:<eve@evil.example>' });
    await insert('line-break-in-header', { ...TEXT, headers: { 'X-A': 'b\r\nBcc: eve@evil.example' } });
    await insert('no-mail', 42);
    await insert('many-recipients', {
      ...TEXT,
      bcc: Array.from({ length: 9_999 }, (_, index) => `buyer-${index}@example.org`),
    });
    await insert('odd-text', { ...TEXT, text: 'not a character: \ufffe\uffff' });
    await insert('too-large', { ...TEXT, attachments: [{ content: 'A'.repeat(60 * 1024 * 1024) }] });
    await insert('foreign', TEXT, 'spapi');
    await startWorker();
    await pool.query(`UPDATE outbound_deliveries SET status = 'delivered' WHERE id = 'foreign'`);
    const rows = await allSettled();

    const states = Object.fromEntries(rows.map(({ id, status }) => [id, status]));
    expect(states).toEqual({
      'no-recipient': 'failed',
      'line-break-in-subject': 'failed',
      'line-break-in-address': 'failed',
      'line-break-in-header': 'failed',
      'no-mail': 'failed',
      'too-large': 'failed',
      'many-recipients': 'delivered',
      'odd-text': 'delivered',
      foreign: 'delivered',
    });
    expect(rows.find(({ id }) => id === 'foreign')?.delivery_trace.attempts).toBeUndefined();
    expect(rows.find(({ id }) => id === 'line-break-in-subject')?.last_error).toMatch(
      /subject \(.+\): one line of text/,
    );
    expect(rows.find(({ id }) => id === 'too-large')?.last_error).toMatch(
      /^too-large: the stored mail has more than \d+ bytes/,
    );
    expect(smtp.mails.flatMap(({ to }) => to)).not.toContain('eve@evil.example');
  });

  it('migrates, and prints the result', async () => {
    const again = await run(['migrate'], { DATABASE_URL: postgres.connectionString });

    expect(again).toEqual({ code: 0, stdout: 'up to date\n', stderr: '' });
  });

  it('exits with 2 for wrong settings, names all of them and prints no secret', async () => {
    const wrong = await run([], {
      DATABASE_URL: 'mysql://u:hidden@db/x',
      SMTP_PORT: '0',
      OUTBOUND_LEASE_MS: 'long',
    });

    expect(wrong.code).toBe(2);
    for (const name of [
      'DATABASE_URL',
      'SMTP_HOST',
      'SMTP_PORT',
      'OUTBOUND_LEASE_MS',
      'FALLBACK_QUEUE_URL',
    ]) {
      expect(wrong.stderr).toContain(name);
    }
    expect(wrong.stderr).not.toContain('hidden');
  });

  it('exits with 2 and prints the help for an unknown command', async () => {
    expect(await run(['dance'], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('outbound-worker migrate'),
    });
  });
});
