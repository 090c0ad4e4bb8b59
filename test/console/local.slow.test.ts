import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../lib/emulators/demo/demo.ts';
import type { ConsoleResponse } from './console-client.ts';
import { type LocalConsole, startLocalConsole } from './local-console.ts';

/** For a try or two of the functions. */
const SOON = { timeoutMs: 60_000 };

let local: LocalConsole;

beforeAll(async () => {
  local = await startLocalConsole();
}, 120_000);

afterAll(() => local.close());

const MAIL = { to: 'marie@example.org', text: 'Hi.', html: '', tenant: 'shop-a', count: '1' };

/** Writes a row by the form. @returns the IDs in the links of the page that follows */
async function write(fields: Readonly<Record<string, string>>): Promise<string[]> {
  const response = await local.submit('/new-mail', { ...MAIL, ...fields });
  expect(response.status).toBe(303);
  const page = await local.page(response.headers.location ?? '');
  return [...page.matchAll(/href="\/deliveries\/([\w-]+)"/g)].map(([, id = '']) => id);
}

function breakServer(fault: string): Promise<ConsoleResponse> {
  return local.submit('/faults', { fault, to: 'on' });
}

function repairAll(): Promise<ConsoleResponse> {
  return local.submit('/faults', { fault: 'all' });
}

async function rowOf(id: string) {
  const { rows } = await local.pipeline.pool.query(
    `SELECT status, provider, priority, tenant_id AS "tenantId", delivery_trace AS trace FROM outbound_deliveries WHERE id = $1`,
    [id],
  );
  return rows[0];
}

/** The row of the inbox with that subject. */
async function inboxRow(subject: string): Promise<string> {
  const page = await local.page('/inbox');
  return [...page.matchAll(/<tr>.*?<\/tr>/gs)].map(([row]) => row).find((row) => row.includes(subject)) ?? '';
}

const subjectIs =
  (subject: string) =>
  ({ raw }: { readonly raw: Buffer }) =>
    raw.includes(`Subject: ${subject}\r\n`);

const bySmtp = (subject: string) =>
  local.pipeline.smtp.waitFor(subjectIs(subject), { signal: AbortSignal.timeout(SOON.timeoutMs) });
const bySes = (subject: string) => local.pipeline.services.ses.waitFor(subjectIs(subject), SOON);

describe('the form for a new mail', () => {
  it('writes a row that the pipeline sends, and links to its delivery', async () => {
    const [id = ''] = await write({ subject: 'One mail', urgent: 'yes', html: '<p>Hi.</p>' });

    await bySmtp('One mail');
    expect(await rowOf(id)).toMatchObject({ tenantId: 'shop-a', priority: 1 });
    const row = await inboxRow('One mail');
    expect(row).toContain('>SMTP<');
    expect(row).toContain('marie@example.org');
    expect(row).toContain(`href="/deliveries/${id}"`);
    expect(await local.page(`/deliveries/${id}`)).toContain('marie@example.org');
  });

  it('writes several at once, each with an ID of its own', async () => {
    const ids = await write({ subject: 'Many', count: '3' });

    expect(new Set(ids).size).toBe(3);
    for (const number of [1, 2, 3]) await bySmtp(`Many (${number} of 3)`);
  });

  it('sends to each of several recipients', async () => {
    await write({ subject: 'Two recipients', to: 'marie@example.org, ines@example.org' });

    expect((await bySmtp('Two recipients')).to).toEqual(['marie@example.org', 'ines@example.org']);
  });

  it.each([
    [{ to: ' , ' }, 'To needs an address'],
    [{ count: '0' }, 'How many takes a whole number from 1 to 1000'],
    [{ count: '1e9' }, 'How many takes a whole number from 1 to 1000'],
    [{ tenant: '' }, 'Tenant needs a name'],
  ])('says what is wrong with %j, and keeps what was entered', async (wrong, words) => {
    const before = await local.pipeline.pool.query('SELECT count(*) FROM outbound_deliveries');

    const response = await local.submit('/new-mail', { ...MAIL, subject: 'Kept <here>', ...wrong });

    expect(response.status).toBe(400);
    expect(response.text).toContain(words);
    expect(response.text).toContain('value="Kept &lt;here&gt;"');
    const after = await local.pipeline.pool.query('SELECT count(*) FROM outbound_deliveries');
    expect(after.rows).toEqual(before.rows);
  });

  it('adds no header field by a subject of two lines', async () => {
    const [id = ''] = await write({ subject: 'Injected\r\nBcc: thief@example.net' });
    await write({ subject: 'After the injected one' });

    await bySmtp('After the injected one');
    expect(local.pipeline.smtp.mails.some(({ to }) => to.includes('thief@example.net'))).toBe(false);
    expect(local.pipeline.smtp.mails.some(({ raw }) => raw.includes('\r\nBcc:'))).toBe(false);
    expect(id).not.toBe('');
  });
});

describe('the faults', () => {
  afterEach(async () => {
    await repairAll();
    const { worker } = local.pipeline;
    // The breaker tries again by itself.
    await until(async () => (await worker.breaker()) === 'closed' || undefined);
  });

  it.each([
    ['smtp-refuses', 'unreachable'],
    ['smtp-greylists', 'deferred'],
    ['smtp-never-greets', 'unreachable'],
    ['smtp-certificate', 'tls'],
    ['smtp-cuts-off', 'unknown'],
  ])('%s: the first attempt fails as %s, and the mail comes out by SES', async (fault, failureClass) => {
    await breakServer(fault);

    const [id = ''] = await write({ subject: `Despite ${fault}` });

    await bySes(`Despite ${fault}`);
    const row = await inboxRow(`Despite ${fault}`);
    expect(row).toContain('>SES<');
    expect(row).toContain(`href="/deliveries/${id}"`);
    // The worker records the attempt when the mail is on its way already.
    const attempt = await until(async () => (await rowOf(id)).trace.attempts?.[0]);
    expect(attempt.failure.class).toBe(failureClass);
  });

  it.each([
    ['ses-down', { kind: 'answered', status: 503 }],
    ['ses-throttles', { kind: 'answered', status: 400 }],
    ['ses-pauses', { kind: 'answered', status: 400 }],
  ])('%s: SES refuses, and takes the mail after the repair', async (fault, outcome) => {
    await breakServer('smtp-refuses');
    await breakServer(fault);
    const { ses } = local.pipeline.services;
    const before = ses.calls.length;

    await write({ subject: `After ${fault}` });
    const refused = await ses.waitForCall(
      (call) => ses.calls.indexOf(call) >= before && call.operation.startsWith('Send'),
      SOON,
    );
    await repairAll();

    expect(refused.outcome).toMatchObject(outcome);
    await bySes(`After ${fault}`);
  });

  it('ses-loses-responses: the mail goes out once', async () => {
    await breakServer('smtp-refuses');
    await breakServer('ses-loses-responses');

    const [id = ''] = await write({ subject: 'Response lost' });

    await bySes('Response lost');
    expect(await until(async () => (await rowOf(id)).status === 'delivered' || undefined)).toBe(true);
    expect(local.pipeline.services.ses.mails.filter(subjectIs('Response lost'))).toHaveLength(1);
  });

  it('sqs-down: the row waits for the repair', async () => {
    const { aws } = local.pipeline.services;
    await breakServer('smtp-refuses');
    await breakServer('sqs-down');
    const handOver = aws.arrival({ service: 'sqs', action: 'SendMessageBatch' });

    await write({ subject: 'After SQS' });
    await handOver;
    expect(local.pipeline.services.ses.mails.filter(subjectIs('After SQS'))).toHaveLength(0);
    await repairAll();

    // One way or the other: mail-core is repaired as well.
    await Promise.any([bySes('After SQS'), bySmtp('After SQS')]);
  });

  it('says on every page what is broken and since when, until it is repaired', async () => {
    const pages = ['/', '/deliveries', '/inbox', '/new-mail', '/faults'];
    const banners = async () => {
      const texts = await Promise.all(pages.map((path) => local.page(path)));
      return texts.filter((text) =>
        /Broken on purpose:.*mail-core greylists.*since <time datetime=/s.test(text),
      );
    };
    expect(await banners()).toHaveLength(0);

    await breakServer('smtp-greylists');
    expect(await banners()).toHaveLength(pages.length);

    await local.submit('/faults', { fault: 'smtp-greylists', to: 'off' });
    expect(await banners()).toHaveLength(0);
  });

  it('keeps one fault while another of the same server is repaired', async () => {
    await breakServer('smtp-refuses');
    await breakServer('smtp-greylists');
    await local.submit('/faults', { fault: 'smtp-refuses', to: 'off' });

    const [id = ''] = await write({ subject: 'Still greylisted' });

    await bySes('Still greylisted');
    const attempt = await until(async () => (await rowOf(id)).trace.attempts?.[0]);
    expect(attempt.failure.response).toContain('Greylisted');
  });

  it.each(['', 'no-such-fault', '__proto__'])('knows no fault %j', async (fault) => {
    const response = await breakServer(fault);

    expect(response.status).toBe(400);
    expect(await local.page('/faults')).not.toContain('Broken on purpose');
  });

  it('changes nothing for a form of another site', async () => {
    const response = await local.submit('/faults', {
      fault: 'smtp-refuses',
      to: 'on',
      'form-token': 'guessed',
    });

    expect(response.status).toBe(403);
    expect(await local.page('/faults')).not.toContain('Broken on purpose');
  });
});

describe('the inbox', () => {
  it('sends a new mail to the open page', async () => {
    const events = await local.get('/events?of=inbox');
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    await write({ subject: 'Seen live' });

    let text = '';
    while (!text.includes('Seen live')) {
      const { value, done } = (await reader?.read()) ?? { value: '', done: true };
      if (done) break;
      text += value;
    }
    await reader?.cancel();

    expect(text).toContain('Seen live');
  });

  it('finds by recipient, subject and delivery', async () => {
    const [id = ''] = await write({ subject: 'Needle', to: 'haystack@example.org' });
    await bySmtp('Needle');

    for (const q of ['HAYSTACK@', 'needle', id]) {
      const page = await local.page(`/inbox?q=${q}`);
      expect(page).toContain('1 mail<');
      expect(page).toContain('Needle');
    }
    expect(await local.page('/inbox?q=nothing-like-this')).toContain('No such mail');
  });

  it('shows older mails on further pages, each once', async () => {
    await write({ subject: 'Page', count: '60' });
    for (let number = 1; number <= 60; number += 1) await bySmtp(`Page (${number} of 60)`);

    const idsOf = (page: string) => [...page.matchAll(/href="\/inbox\/([\w-]+)"/g)].map(([, id]) => id);
    const first = await local.page('/inbox?q=Page');
    const [, next = ''] = /rel="next" href="([^"]+)"/.exec(first) ?? [];
    const second = await local.page(next.replaceAll('&amp;', '&'));

    expect(idsOf(first)).toHaveLength(50);
    expect(new Set([...idsOf(first), ...idsOf(second)]).size).toBe(
      idsOf(first).length + idsOf(second).length,
    );
    expect(second).not.toContain('rel="next"');
  });

  it.each([
    '/inbox/smtp-0',
    '/inbox/smtp-99999',
    '/inbox/__proto__',
    '/inbox/..%2f..%2fetc',
    '/inbox/smtp-1/attachments/9',
  ])('has no %s', async (path) => {
    expect((await local.get(path)).status).toBe(404);
  });
});
