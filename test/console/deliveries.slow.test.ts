import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConsoleOptions } from '../../lib/console/server.ts';
import { type OutboxDatabase, OutboxServer } from '../support/outbox-database.ts';
import { recordDelivery } from '../support/recorded-delivery.ts';
import { ConsoleClient } from './console-client.ts';
import { DeployedConsole } from './deployed-console.ts';

let deployed: DeployedConsole;
let server: OutboxServer;
let database: OutboxDatabase;

beforeAll(async () => {
  [deployed, server] = await Promise.all([DeployedConsole.start(), OutboxServer.start()]);
});

beforeEach(async () => {
  database = await server.database();
});

afterEach(async () => {
  await deployed.closeOpen();
  await database.close();
});

afterAll(() => Promise.all([deployed.close(), server.close()]));

const openConsole = async (
  options: Partial<ConsoleOptions> = {},
  env: Readonly<Record<string, string>> = { DATABASE_URL: database.connectionString },
) => ConsoleClient.open(await deployed.open(env, options));

/** The links of the ids in the order of the page. */
const idsIn = (text: string) =>
  [...text.matchAll(/href="\/deliveries\/([^"?]+)"/g)].map(([, id = '']) =>
    decodeURIComponent(unescaped(id)),
  );

const unescaped = (html: string) =>
  html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

const textOf = (html: string) => unescaped(html.replaceAll(/<[^>]*>/g, ' ')).replaceAll(/\s+/g, ' ');

describe('the page of deliveries', () => {
  it('finds those of a recipient, newest first, with masked addresses', async () => {
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    await database.insert(
      {
        id: 'old',
        status: 'failed',
        last_error: '550 <marie@example.org> unknown',
        created_at: hoursAgo(30),
      },
      {
        id: 'copy',
        target_address: 'x@y.z',
        mail: { to: 'x@y.z', cc: 'marie@example.org' },
        created_at: hoursAgo(2),
      },
      { id: 'foreign', target_address: 'paul@example.org' },
    );
    const client = await openConsole();
    const { status, text } = await client.get(
      '/deliveries?q=Marie%40example.org&status=&class=&tenant=&from=&until=',
    );

    expect(status).toBe(200);
    expect(idsIn(text)).toEqual(['copy', 'old']);
    expect(textOf(text)).toMatch(
      /m\*\*\*@example\.org failed tenant-1 old 550 <m\*\*\*@example\.org> unknown/,
    );
    // What was asked stands in the field again; all else is masked.
    expect(text.match(/marie@example\.org/gi)).toHaveLength(1);
  });

  it('shows addresses if the operator asked for them', async () => {
    await database.insert({});
    const client = await openConsole({ showAddresses: true });

    expect((await client.get('/deliveries')).text).toContain('marie@example.org');
  });

  it('narrows by status, class, tenant and time', async () => {
    const day = (date: number) => `2026-05-0${date}T12:00:00Z`;
    await database.insert(
      { id: 'early', tenant_id: 'shop-7', status: 'failed', created_at: day(1) },
      { id: 'wanted', tenant_id: 'shop-7', status: 'failed', created_at: day(2) },
      { id: 'foreign', tenant_id: 'shop-8', status: 'failed', created_at: day(2) },
      { id: 'well', tenant_id: 'shop-7', status: 'delivered', created_at: day(2) },
      { id: 'other-class', tenant_id: 'shop-7', status: 'failed', created_at: day(2) },
    );
    await database.query(`UPDATE outbound_deliveries SET search_class = 'tls' WHERE id <> 'other-class'`);
    const client = await openConsole();
    const { text } = await client.get(
      '/deliveries?tenant=shop-7&status=failed&class=tls&from=2026-05-02T11:59&until=2026-05-02T12:01',
    );

    expect(idsIn(text)).toEqual(['wanted']);
    expect(text).toMatch(/value="2026-05-02T11:59"/);
    expect(text).toMatch(/<option value="tls" selected/);
  });

  it('goes on page by page, and back to the newest', async () => {
    await database.query(`INSERT INTO outbound_deliveries (id, tenant_id, created_at)
      SELECT 'm-' || lpad(n::text, 3, '0'), 'a&b', timestamptz '2026-01-01' + n * interval '1 minute'
      FROM generate_series(1, 120) AS n`);
    const client = await openConsole();
    const pages: string[][] = [];
    let path: string | undefined = '/deliveries?tenant=a%26b';
    while (path !== undefined && pages.length < 5) {
      const { text } = await client.get(path);
      pages.push(idsIn(text));
      path = /<a class="button" rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&');
      expect(text.includes('>Newest</a>')).toBe(pages.length > 1);
    }

    expect(pages.map((page) => page.length)).toEqual([50, 50, 20]);
    expect(pages.flat()).toEqual(pages.flat().toSorted().toReversed());
    expect(new Set(pages.flat()).size).toBe(120);
  });

  it('says what it was not given: no mail, no database, a wrong time, a search that fails', async () => {
    const client = await openConsole();
    expect(textOf((await client.get('/deliveries?q=nobody')).text)).toContain('No delivery is like that');
    const wrong = await client.get('/deliveries?from=yesterday&status=lost');
    expect(wrong.status).toBe(400);
    expect(textOf(wrong.text)).toContain(
      'From has to be a time such as 2026-05-04T10:30, in UTC; it is “yesterday”',
    );
    expect(textOf(wrong.text)).toContain('Status has to be one of queued, on-hold');

    await database.query('DROP TABLE outbound_deliveries');
    const failed = await client.get('/deliveries?q=marie%40example.org');
    expect(textOf(failed.text)).toContain('The outbox could not be searched');
    expect(failed.text).toContain('value="marie@example.org"');
  });

  it('is not there without a database, and says how to name one', async () => {
    const client = await openConsole({}, {});

    for (const path of ['/deliveries', '/deliveries/reply-1']) {
      expect(textOf((await client.get(path)).text)).toMatch(
        /The deliveries cannot be shown:.* Fix set DATABASE_URL/,
      );
    }
  });
});

describe('the page of one delivery', () => {
  /** Once all places were read. */
  async function finished(client: ConsoleClient, id: string): Promise<{ status: number; text: string }> {
    for (;;) {
      const { status, text } = await client.get(`/deliveries/${encodeURIComponent(id)}`);
      if (!text.includes('http-equiv="refresh"')) return { status, text };
    }
  }

  it('tells what happened in order, with the words of the servers and both Message-IDs', async () => {
    await recordDelivery({ database, dynamoDb: deployed.dynamoDb }, 'reply-1');
    const client = await openConsole();
    const { status, text } = await finished(client, 'reply-1');
    const events = [
      ...text.matchAll(/<p class="what">([\s\S]*?)<\/p>(?:<blockquote>([\s\S]*?)<\/blockquote>)?/g),
    ].map(([, what = '', words = '']) => [textOf(what).trim(), textOf(words).trim()]);

    expect(status).toBe(200);
    expect(events).toEqual([
      ['the API asked for it', ''],
      [
        'handed over for 2 (SQS queue-1), since SMTP did not take it: rejected',
        '550 5.7.1 <m***@example.org>: relay denied',
      ],
      ['part 0: the resend Lambda offered it to SES', ''],
      ['part 0: SES took it as ses-1', ''],
      ['delivered for m***@example.org', ''],
      ['bounced (Permanent/General) for p***@example.org', '550 5.1.1 <p***@example.org>: no such user'],
      [
        "put on the pipeline's list (hard-bounce, by delivery reply-1); nothing is sent to it for p***@example.org Suppression",
        '',
      ],
    ]);
    expect(textOf(text)).toContain('By SMTP <one@keybuzz.io> By SES ses-1');
    expect(textOf(text)).toMatch(/lost bounced \(Permanent\/General\): 550 5\.1\.1/);
    expect(textOf(text)).toContain('lost for 1 of 2 recipients');
    expect(text).not.toMatch(/marie@|paul@/);
  });

  it('shows at once what the outbox knows, while AWS does not answer, and what is missing in the end', async () => {
    await database.insert({ id: 'waits' });
    deployed.account.fault({ fault: { kind: 'silence' } });
    const client = await openConsole();
    const { text } = await client.get('/deliveries/waits');
    deployed.account.heal();

    expect(textOf(text)).toContain('the API asked for it');
    expect(textOf(text)).toContain('not looked at: it is being read');
    expect(text).toContain('data-live="delivery/waits"');
  });

  it('names the command that helps', async () => {
    const on = { operatorHold: { at: '2026-01-01T00:00:00Z', nextRetryAt: null } };
    await database.insert({ id: 'kept', next_retry_at: 'infinity', delivery_trace: on });
    const client = await openConsole();
    const { text } = await finished(client, 'kept');

    expect(text).toContain('<code>mailctl queue release kept</code>');
  });

  it('says if no place knows it', async () => {
    const client = await openConsole();
    const { status, text } = await finished(client, 'no-such');

    expect(status).toBe(404);
    expect(textOf(text)).toContain('No place knows this delivery');
  });

  it('escapes whatever the row says', async () => {
    const hostile = '<img src=x onerror=alert(1)>&"\'';
    await database.insert({
      id: hostile,
      tenant_id: hostile,
      status: 'failed',
      last_error: hostile,
      target_address: hostile,
    });
    const client = await openConsole({ showAddresses: true });
    for (const path of ['/deliveries', `/deliveries?q=${encodeURIComponent(hostile)}`]) {
      const { text } = await client.get(path);
      expect(text).not.toContain('<img');
      expect(idsIn(text)).toEqual([hostile]);
    }
    const { text } = await finished(client, hostile);
    expect(text).not.toContain('<img');
    expect(text).toContain('&lt;img src=x');
  });
});
