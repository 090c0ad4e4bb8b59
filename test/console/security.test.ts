import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningConsole } from '../../lib/console/server.ts';
import type { DeadLetterDesk } from '../../lib/console/sources/dead-letters.ts';
import { ask, ConsoleClient, consoleOver } from './console-client.ts';

const HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>';

let dropped: string[];

/** One letter, whose every text is hostile. */
const desk: DeadLetterDesk = {
  survey: async () => ({ causes: [cause()], seen: 1, inFlight: 0, isComplete: true }),
  list: async () => ({ letters: [letter()], more: 0, inFlight: 0 }),
  show: async () => ({ ...letter(), receiveCount: 1, fix: HOSTILE, mail: undefined, body: HOSTILE }),
  planRedrive: async () => plan(),
  planDrop: async () => plan(),
};

const cause = () => ({
  cause: HOSTILE,
  count: 1,
  oldest: new Date(),
  newest: new Date(),
  example: HOSTILE,
  fix: HOSTILE,
});

const letter = () => ({
  queueMessageId: HOSTILE,
  deliveryId: HOSTILE,
  tenantId: HOSTILE,
  cause: HOSTILE,
  detail: HOSTILE,
  since: new Date(),
});

const plan = () => ({
  count: 1,
  causes: [cause()],
  staying: [],
  run: async (_run: unknown, because?: string) => {
    dropped.push(because ?? '');
    return { done: 1, left: [], record: undefined };
  },
});

let running: RunningConsole;
let client: ConsoleClient;

beforeAll(async () => {
  dropped = [];
  running = await consoleOver({ deadLetters: { kind: 'open', reader: desk } }, { allowChanges: true });
  client = await ConsoleClient.open(running);
});

afterAll(() => running.close());

describe('the console lets in only who has the link', () => {
  it('shows nothing without the cookie', async () => {
    const { status, text } = await ask(running.port, '/dead-letters');

    expect(status).toBe(401);
    expect(text).not.toContain('keybuzz');
  });

  it.each(['/', '/assets/console.js', '/events?of=dead-letters', '/charts.json', '/jobs/x'])(
    'nor at %s',
    async (path) => {
      expect((await ask(running.port, path)).status).toBe(401);
    },
  );

  it('refuses a wrong token', async () => {
    const { status, headers } = await ask(running.port, '/?token=wrong');

    expect(status).toBe(401);
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('takes the token out of the address, and into a cookie that no script and no other site gets', async () => {
    const { status, headers } = await ask(
      running.port,
      new URL(running.link).pathname + new URL(running.link).search,
    );

    expect(status).toBe(303);
    expect(headers.location).toBe('/');
    expect(headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict$/);
  });

  it('does not send who opens a link to another host', async () => {
    const { searchParams } = new URL(running.link);
    const { headers } = await ask(running.port, `//evil.example/?token=${searchParams.get('token')}`);

    expect(new URL(headers.location ?? '', 'http://127.0.0.1').host).toBe('127.0.0.1');
  });

  it('has another link at each start', async () => {
    const other = await consoleOver();
    await other.close();

    expect(new URL(other.link).search).not.toBe(new URL(running.link).search);
  });

  it('listens on this machine alone', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address?.family === 'IPv4' && !address.internal);
    for (const address of outside) {
      await expect(fetch(`http://${address?.address}:${running.port}/`)).rejects.toThrow();
    }
    expect(running.link).toMatch(/^http:\/\/127\.0\.0\.1:/);
  });
});

describe('the console does not answer to the name of another site (DNS rebinding)', () => {
  it.each(['evil.example', 'evil.example:1234', '127.0.0.1', '127.0.0.1.evil.example:1234'])(
    'refuses the host %s, with the right cookie',
    async (host) => {
      const { status, text } = await ask(running.port, '/dead-letters', {
        headers: { Host: host, Cookie: client.cookie },
      });

      expect(status).toBe(421);
      expect(text).not.toContain('keybuzz');
    },
  );

  it('answers to localhost', async () => {
    const headers = { Host: `localhost:${running.port}`, Cookie: client.cookie };

    expect((await ask(running.port, '/dead-letters', { headers })).status).toBe(200);
  });
});

describe('a change comes from a form of the console alone', () => {
  const attempt = async (headers: Record<string, string | undefined>) => {
    const { text } = await client.get('/dead-letters/drop');
    const [, token = ''] = /name="form-token" value="([^"]+)"/.exec(text) ?? [];
    const [, shown = ''] = /name="plan" value="([^"]+)"/.exec(text) ?? [];
    const present = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const before = dropped.length;
    const { status } = await ask(running.port, '/dead-letters/drop', {
      method: 'POST',
      headers: { Cookie: client.cookie, 'Content-Type': 'application/x-www-form-urlencoded', ...present },
      body: new URLSearchParams({ 'form-token': token, plan: shown, because: 'a test' }).toString(),
    });
    return { status, dropped: dropped.length - before };
  };

  it('with an origin of another site it changes nothing', async () => {
    expect(await attempt({ Origin: 'https://evil.example' })).toEqual({ status: 403, dropped: 0 });
  });

  it('nor from a frame without an origin', async () => {
    expect(await attempt({ Origin: 'null', 'Sec-Fetch-Site': 'same-origin' })).toEqual({
      status: 403,
      dropped: 0,
    });
  });

  it('nor from another port of this machine', async () => {
    expect(await attempt({ Origin: 'http://127.0.0.1:1' })).toEqual({ status: 403, dropped: 0 });
  });

  it.each(['cross-site', 'same-site', 'none'])('nor with Sec-Fetch-Site: %s', async (site) => {
    expect(await attempt({ 'Sec-Fetch-Site': site })).toEqual({ status: 403, dropped: 0 });
  });

  it('nor where the browser says nothing of where it is from', async () => {
    expect(await attempt({})).toEqual({ status: 403, dropped: 0 });
  });

  it('nor without the token of the form, or with another', async () => {
    for (const fields of [{}, { 'form-token': 'guessed' }]) {
      const { status } = await client.post('/dead-letters/drop', { plan: '1', because: 'x', ...fields });
      expect(status).toBe(403);
    }
  });

  it('and from its form it does', async () => {
    const origin = `http://127.0.0.1:${running.port}`;

    expect(await attempt({ Origin: origin, 'Sec-Fetch-Site': 'same-origin' })).toEqual({
      status: 303,
      dropped: 1,
    });
  });

  it('a confirmation counts once', async () => {
    const { text } = await client.get('/dead-letters/drop');
    const hidden = [...text.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)];
    const fields = Object.fromEntries(hidden.map(([, name, value]) => [name, value]));
    const before = dropped.length;
    const answers = [1, 2].map(() => client.post('/dead-letters/drop', { ...fields, because: 'twice' }));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);

    expect(statuses.toSorted()).toEqual([303, 409]);
    expect(dropped.length - before).toBe(1);
  });

  it('a form of more than a megabyte is not read', async () => {
    expect((await client.post('/dead-letters/drop', { because: 'x'.repeat(1_100_000) })).status).toBe(413);
  });
});

describe('what a mail contains is not executed', () => {
  it.each([
    '/dead-letters',
    `/dead-letters?cause=x`,
    '/dead-letters/x?body=shown',
    '/dead-letters/redrive?cause=x',
  ])('it is text at %s', async (path) => {
    const { text } = await client.get(path);

    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).not.toContain(HOSTILE);
  });

  it('and what asks for it is text too', async () => {
    const { text } = await client.get(
      `/dead-letters?cause=${encodeURIComponent('"><script>alert(1)</script>')}`,
    );

    expect(text).not.toContain('<script>alert');
  });

  it.each(['/dead-letters', '/nothing', '/assets/console.js'])(
    'and the policy of %s would not let it run',
    async (path) => {
      const { headers } = await client.get(path);
      const policy = String(headers['content-security-policy']).split('; ');

      expect(policy).toEqual(
        expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
      );
      expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'same-origin',
      });
    },
  );

  it('no page has a script or a style of its own', async () => {
    const { text } = await client.get('/dead-letters/x?body=shown');

    expect(text).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+="/);
  });
});

describe('only the files of the list are served', () => {
  it.each([
    '/assets/..%2fserver.ts',
    '/assets/constructor',
    '/assets/../security.ts',
    '/assets/%2e%2e%2fpackage.json',
  ])('not %s', async (path) => {
    expect((await client.get(path)).status).toBe(404);
  });
});

describe('a console that was started read-only', () => {
  it('changes nothing, with the right form', async () => {
    // Its form token is known, although it shows none.
    const random = (bytes: number) => Buffer.alloc(bytes, 7);
    const readOnly = await consoleOver({ deadLetters: { kind: 'open', reader: desk } }, { random });
    try {
      const operator = await ConsoleClient.open(readOnly);
      const before = dropped.length;

      expect((await operator.get('/dead-letters/drop')).status).toBe(403);
      const { text } = await operator.get('/dead-letters');
      expect(text).not.toContain('href="/dead-letters/drop');
      const token = random(32).toString('base64url');
      const answer = await operator.post('/dead-letters/drop', {
        plan: '1',
        because: 'x',
        'form-token': token,
      });
      expect(answer.status).toBe(403);
      expect(answer.text).toContain('--allow-changes');
      expect(dropped.length).toBe(before);
    } finally {
      await readOnly.close();
    }
  });
});
