import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy } from '../../lib/emulators/aws/fault-proxy.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type Log, type LogFields, silentLog } from '../../lib/ports/runtime.ts';
import { type RunningWorker, runWorker } from '../../lib/worker/run.ts';
import { readWorkerSettings } from '../../lib/worker/settings.ts';
import { MetricSink } from '../support/metric-sink.ts';
import { type OutboxDatabase, OutboxServer } from '../support/outbox-database.ts';

describe('the process of a worker that publishes its metrics', () => {
  let server: OutboxServer;
  let aws: SqsAndS3;
  let database: OutboxDatabase;
  let sink: MetricSink;
  let cloudWatch: FaultProxy;
  let running: RunningWorker | undefined;

  beforeAll(async () => {
    [server, aws] = await Promise.all([OutboxServer.start(), startSqsAndS3({ visibilitySeconds: 30 })]);
  });

  afterAll(async () => {
    await Promise.all([server.close(), aws.close()]);
  });

  beforeEach(async () => {
    database = await server.database();
    sink = await MetricSink.start();
    cloudWatch = await FaultProxy.start(sink.port);
    running = undefined;
  });

  afterEach(async () => {
    await running?.stop();
    await cloudWatch.close();
    await sink.close();
  });

  async function start(
    env: Readonly<Record<string, string>> = {},
    log: Log = silentLog,
  ): Promise<RunningWorker> {
    const settings = readWorkerSettings(
      {
        DATABASE_URL: database.connectionString,
        // No listener there.
        SMTP_HOST: '127.0.0.1',
        SMTP_PORT: '9',
        FALLBACK_QUEUE_URL: aws.fallback.url,
        PAYLOAD_BUCKET: aws.bucket,
        AWS_SES_REGION: aws.region,
        AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
        AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
        AWS_ENDPOINT_URL_SQS: aws.endpoint,
        AWS_ENDPOINT_URL_S3: aws.endpoint,
        AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.endpoint,
        OUTBOUND_CLOUDWATCH_NAMESPACE: 'keybuzz/mail-worker',
        OUTBOUND_CLOUDWATCH_STAGE: 'dev',
        OUTBOUND_PROVIDERS: 'email',
        OUTBOUND_HTTP_HOST: '127.0.0.1',
        OUTBOUND_HTTP_PORT: '0',
        ...env,
      },
      { workerId: 'worker-1' },
    );
    running = await runWorker(settings, log);
    return running;
  }

  const names = () => [...new Set(sink.arrived.map(({ name }) => name))].sort();

  it('publishes at its end all that it has handed over, and before that the outbox', async () => {
    const mail = {
      from: 'support@keybuzz.io',
      to: 'marie@example.org',
      subject: 'Your order',
      text: 'On its way.',
    };
    const [id = ''] = await database.insert({ mail });
    const arrival = aws.arrival({ action: 'SendMessage' }, { signal: AbortSignal.timeout(20_000) });
    const { stop } = await start();
    await arrival;
    // The process must not end before the response.
    cloudWatch.fault({ fault: { kind: 'slow', delayMs: 200 } });
    await stop();

    expect(await database.row(id)).toMatchObject({ provider: 'ses' });
    expect(names()).toEqual(['OutboxOldestDue', 'OutboxWaiting', 'SmtpFailed']);
    expect(sink.arrived).toContainEqual(
      expect.objectContaining({ dimensions: 'stage=dev,class=unreachable', value: 1, times: 1 }),
    );
  });

  it('counts overdue statuses if it consumes receipts', async () => {
    const receipts = await aws.createQueue('receipts', { visibilitySeconds: 30 });
    await start({ RECEIPTS_QUEUE_URL: receipts.url });
    await sink.calledTimes(1);

    expect(names()).toEqual(['OutboxOldestDue', 'OutboxWaiting', 'StatusesOverdue']);
  });

  it('is not ready while its table is wrong, says why in the answer and in the log, and claims nothing', async () => {
    await database.query('ALTER TABLE outbound_deliveries ALTER COLUMN last_error TYPE json USING NULL');
    const [id = ''] = await database.insert({});
    const problem =
      'column last_error of public.outbound_deliveries is json, needed is text; run ALTER TABLE ' +
      'public.outbound_deliveries ALTER COLUMN last_error TYPE text USING last_error::text';
    const logged = Promise.withResolvers<LogFields | undefined>();
    const log: Log = {
      ...silentLog,
      error: (event, fields) => {
        if (event === 'outbox-unavailable' && fields?.while === 'claiming') logged.resolve(fields);
      },
    };

    const { httpPort } = await start({}, log);
    const ready = () => fetch(`http://127.0.0.1:${httpPort}/readyz`);
    const refused = await ready();

    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({
      missing: ['schema'],
      reason: expect.stringContaining(problem),
    });
    expect(await logged.promise).toMatchObject({ code: '42804', message: expect.stringContaining(problem) });
    expect(await database.row(id)).toMatchObject({ status: 'queued', attempt_count: 0 });

    await database.query(
      'ALTER TABLE outbound_deliveries ALTER COLUMN last_error TYPE text USING last_error::text',
    );
    // Ready again as soon as a claim succeeds.
    while ((await ready()).status !== 200) {}
  });

  it('is not ready while nothing can be claimed although the database responds, and says since when', async () => {
    await database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON outbound_deliveries FOR EACH ROW EXECUTE FUNCTION refuse()`);
    await database.insert({});
    const { httpPort } = await start();
    const ready = () => fetch(`http://127.0.0.1:${httpPort}/readyz`);
    let answer = await ready();
    while (answer.status === 200) answer = await ready();

    expect(await answer.json()).toMatchObject({
      missing: ['claims'],
      reason: expect.stringMatching(/^no claim succeeds since \d{4}-\d\d-\d\dT\S+Z: P0001$/),
    });
    await database.query('DROP TRIGGER refuse ON outbound_deliveries');
    while ((await ready()).status !== 200) {}
  });

  it.each([
    ['warns once at its start without the queue of urgent mail', {}, 1],
    ['does not warn of the queue of urgent mail if it is set', { hasUrgentQueue: true }, 0],
  ])('%s', async (_what, { hasUrgentQueue = false }: { hasUrgentQueue?: boolean }, times) => {
    const warnings: (LogFields | undefined)[] = [];
    const log: Log = {
      ...silentLog,
      warn: (event, fields) => {
        if (event === 'urgent-queue-not-set') warnings.push(fields);
      },
    };

    const { httpPort } = await start(
      hasUrgentQueue ? { FALLBACK_URGENT_QUEUE_URL: aws.urgent.url } : {},
      log,
    );

    expect((await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status).toBe(200);
    expect(warnings).toHaveLength(times);
    for (const fields of warnings) expect(String(fields?.message)).toContain('FALLBACK_URGENT_QUEUE_URL');
  });

  it('warns at its start of a fallback that would accept nothing, and is ready', async () => {
    const logged = Promise.withResolvers<LogFields | undefined>();
    const log: Log = {
      ...silentLog,
      error: (event, fields) => {
        if (event === 'fallback-misconfigured') logged.resolve(fields);
      },
    };

    const { httpPort } = await start({ FALLBACK_QUEUE_URL: `${aws.fallback.url}-old` }, log);

    expect(await logged.promise).toMatchObject({ code: 'queue-misconfigured' });
    const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ready',
      missing: [],
      warnings: [expect.stringMatching(/^queue-misconfigured: \w+/)],
    });
    const metrics = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
    expect(await metrics.text()).toMatch(/^outbound_fallback_up 0$/m);
  });

  it('counts mail that the fallback would refuse for its sender', async () => {
    const { httpPort } = await start({ MAIL_DOMAIN: 'keybuzz.io' });
    const arrival = aws.arrival({ action: 'SendMessage' }, { signal: AbortSignal.timeout(20_000) });
    await database.insert({
      mail: { from: 'marie@shop.example', to: 'marie@example.org', subject: 'Hello', text: 'Hello' },
    });
    await arrival;

    const metrics = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
    expect(await metrics.text()).toMatch(/^outbound_foreign_sender_total 1$/m);
  });

  it('shows that the fallback would accept mail', async () => {
    const logged = Promise.withResolvers<void>();
    const log: Log = {
      ...silentLog,
      info: (event) => {
        if (event === 'fallback-ready') logged.resolve();
      },
    };

    const { httpPort } = await start({}, log);

    await logged.promise;
    const ready = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    expect(await ready.json()).not.toHaveProperty('warnings');
    const metrics = await fetch(`http://127.0.0.1:${httpPort}/metrics`);
    expect(await metrics.text()).toMatch(/^outbound_fallback_up 1$/m);
  });

  it('logs the message of an error of the database, not its code alone', async () => {
    const logged = Promise.withResolvers<LogFields | undefined>();
    const log: Log = {
      ...silentLog,
      error: (event, fields) => {
        if (event === 'outbox-unavailable') logged.resolve(fields);
      },
    };

    await start({ DATABASE_URL: `${database.connectionString}-missing` }, log);

    expect(await logged.promise).toMatchObject({
      code: '3D000',
      message: expect.stringContaining(`database "${database.name}-missing" does not exist`),
    });
  });
});
