/**
 * Measures the first look at the deliveries of a full outbox: how long the search takes in PostgreSQL, how long until
 * the page arrives, and until a browser has painted it. Without Debian's Chromium that last one is left out.
 *
 *   npm run bench:console -- [rows, 1000000 by default]
 */
import { Client } from 'pg';
import { PostgresFoundRows } from '../../lib/adapters/postgres/found-rows.ts';
import { migrate } from '../../lib/adapters/postgres/migrate.ts';
import type { RowSearch } from '../../lib/adapters/postgres/row-search.ts';
import { AwsClients } from '../../lib/cli/aws-clients.ts';
import { openDeliveries } from '../../lib/cli/console/deliveries.ts';
import { FixHints } from '../../lib/cli/hints.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { type RunningConsole, startConsole } from '../../lib/console/server.ts';
import { startPostgres } from '../../lib/emulators/postgres/embedded-postgres.ts';
import { systemClock } from '../../lib/ports/runtime.ts';
import { ConsoleClient } from '../console/console-client.ts';
import { canRunChromium, startChromium } from '../support/start-chromium.ts';
import { insertDeliveries, OWN_MESSAGE_ID, WANTED } from './delivery-rows.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
const TIMES = 11;

const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

const SEARCHES: Readonly<Record<string, Partial<RowSearch>>> = {
  'all, newest first': {},
  'a recipient': { to: WANTED.to },
  'a Cc': { to: WANTED.cc },
  'an archive in 1 of 20 Bcc': { to: 'archive@keybuzz.io' },
  'no such recipient': { to: 'no-one@example.org' },
  'an id': { id: WANTED.id },
  'the beginning of an id': { id: WANTED.id.slice(0, 12) },
  'the beginning of all ids': { id: 'mail-' },
  'the Message-ID of the mail': { id: OWN_MESSAGE_ID },
  'the Message-ID of SES': { id: WANTED.sesId },
  'a busy tenant': { tenantId: 'tenant-0' },
  'a tenant that stopped': { tenantId: WANTED.tenantId },
  'failed ones of that tenant': { tenantId: WANTED.tenantId, state: 'failed' },
  'failed ones': { state: 'failed' },
  'failed ones of a day': { state: 'failed', from: ago(50), until: ago(49) },
  'waiting ones': { state: 'queued' },
  'ones on hold': { state: 'on-hold' },
  'a class of failure': { failureClass: 'deferred' },
  'a class that never was': { failureClass: 'tls' },
  'the page that begins 55 days ago': { after: { createdAt: ago(55).toISOString(), id: '' } },
};

/** The frame alone: what a browser needs at this load for any page of the console. */
const FRAME = { 'the frame without content': '/no-such-page' };

const PAGES: Readonly<Record<string, string>> = {
  'the newest': '/deliveries',
  'a recipient': `/deliveries?q=${WANTED.to}`,
  'the Message-ID of SES': `/deliveries?q=${encodeURIComponent(`<${WANTED.sesId}@eu-west-1.amazonses.com>`)}`,
  'a tenant that stopped': `/deliveries?tenant=${WANTED.tenantId}`,
  'one delivery': `/deliveries/${WANTED.id}`,
};

/** The first run, and the median of the next ones, in milliseconds. */
async function measure(run: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const began = performance.now();
    await run();
    times.push(performance.now() - began);
  }
  const [first = 0, ...rest] = times;
  const median = rest.toSorted((one, other) => one - other)[Math.floor(rest.length / 2)] ?? 0;
  return `first ${first.toFixed(1).padStart(7)} ms, then ${median.toFixed(1).padStart(6)} ms`;
}

async function measureSearches(connectionString: string): Promise<void> {
  console.log(`\nA search of ${ROWS.toLocaleString('en')} rows, a page of 50:`);
  const rows = new PostgresFoundRows({ connectionString });
  for (const [name, search] of Object.entries(SEARCHES)) {
    console.log(`  ${name.padEnd(34)} ${await measure(() => rows.search({ limit: 50, ...search }))}`);
  }
  await rows.close();
}

async function measurePages(running: RunningConsole): Promise<void> {
  console.log('\nThe page, from the request to its last byte:');
  const client = await ConsoleClient.open(running);
  for (const [name, path] of Object.entries(PAGES)) {
    console.log(`  ${name.padEnd(34)} ${await measure(() => client.get(path))}`);
  }
}

async function measureFirstLook(running: RunningConsole): Promise<void> {
  if (!canRunChromium) return console.log('\nNo Chromium: the first look is not measured.');
  console.log('\nThe first look in Chromium, a new window each time (first contentful paint):');
  const browser = await startChromium();
  for (const [name, path] of Object.entries({ ...FRAME, ...PAGES })) {
    const looks: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const page = await browser.newPage();
      await page.goto(running.link);
      await page.goto(`http://127.0.0.1:${running.port}${path}`);
      const painted = `performance.getEntriesByName('first-contentful-paint')[0]?.startTime`;
      // The policy of the page forbids what would wait in it.
      let look: unknown;
      while (typeof look !== 'number') look = await page.evaluate(painted);
      looks.push(look);
      await page.context().close();
    }
    const [median = 0] = looks.toSorted((one, other) => one - other).slice(Math.floor(TIMES / 2));
    console.log(`  ${name.padEnd(34)} median ${median.toFixed(0).padStart(4)} ms`);
  }
  await browser.close();
}

const postgres = await startPostgres();
const { connectionString } = postgres;
await migrate({ connectionString });
const client = new Client({ connectionString });
await client.connect();
console.log(`Filling the outbox with ${ROWS.toLocaleString('en')} rows, which takes some minutes`);
await insertDeliveries(client, ROWS);
await client.end();

const describe = (error: unknown) => ({ why: String(error), fix: 'look at the bench' });
const nowhere = 'http://127.0.0.1:9';
const deployment = { project: 'keybuzz', stage: 'prod' } as const;
const deliveries = openDeliveries({
  ...{ deployment, describe, region: 'eu-west-1', env: { DATABASE_URL: connectionString } },
  aws: new AwsClients({
    region: 'eu-west-1',
    hasOwnSqs: true,
    local: {
      endpoints: { cloudFormation: nowhere, sqs: nowhere, s3: nowhere, dynamoDb: nowhere, ses: nowhere },
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    },
  }),
  commands: new FixHints(deployment, 'eu-west-1'),
  signal: new AbortController().signal,
  clock: systemClock,
  workerUrl: undefined,
  recordPath: '',
  noAlarms: undefined,
  history: 'cloud-watch',
  notDeployed: async () => {
    throw new Error('there is no AWS here');
  },
});
const none = { kind: 'missing', why: 'not measured', fix: 'none' } as const;
const running = await startConsole(
  {
    deployment: { name: 'keybuzz prod', region: 'eu-west-1', kind: 'deployed' },
    deliveries: deliveries.source,
    ...{ overview: none, deadLetters: none, suppression: none },
    runbook: { names: [], section: () => undefined },
  },
  { allowChanges: false, showAddresses: false, describe },
);
await measureSearches(connectionString);
await measurePages(running);
await measureFirstLook(running);
await running.close();
await deliveries.close();
await postgres.close();
