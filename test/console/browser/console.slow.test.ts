import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type RunningConsole, startConsole } from '../../../lib/console/server.ts';
import { openLocalConsole } from '../../../lib/emulators/demo/local-console.ts';
import { insertRows } from '../../../lib/emulators/demo/outbound-rows.ts';
import { type LocalPipeline, startLocalPipeline } from '../../../lib/emulators/pipeline.ts';
import { describeWithChromium, Window } from '../../support/chromium.ts';
import { startChromium } from '../../support/start-chromium.ts';

const FROM = 'KeyBuzz <support@keybuzz.io>';

/** Of a mail that the pipeline needs some seconds for, with retries of SES. */
const TIMEOUT_MS = 60_000;

let pipeline: LocalPipeline;
let opened: ReturnType<typeof openLocalConsole>;
let running: RunningConsole;
let browser: Browser;
let directory: string;
const ended = new AbortController();

async function write(id: string, from = FROM): Promise<void> {
  const mail = { from, to: 'marie@example.org', subject: `Mail ${id}`, text: `The body of ${id}.` };
  await insertRows(pipeline.pool, [{ id, tenantId: 'shop-a', mail }], new Date());
}

/** Nothing is cut off, in any scheme, and axe finds nothing serious. */
async function expectReadable({
  page,
  barriers,
  overflow,
}: Pick<Window, 'page' | 'barriers' | 'overflow'>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      expect({ colorScheme, width, overflow: await overflow(), barriers: await barriers() }).toEqual({
        colorScheme,
        width,
        overflow: 0,
        barriers: [],
      });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

const readable = (window: Window) =>
  expectReadable({ page: window.page, barriers: () => window.barriers(), overflow: () => window.overflow() });

describeWithChromium('the console in a browser, over the local pipeline', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'console-'));
    [pipeline, browser] = await Promise.all([startLocalPipeline({ directory }), startChromium()]);
    opened = openLocalConsole(pipeline, ended.signal);
    running = await startConsole(opened.sources, opened);
  });

  afterAll(async () => {
    ended.abort();
    await browser?.close();
    await running?.close();
    await opened?.close();
    await pipeline?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('says in a healthy run that mail flows, in an outage what broke, and afterwards that it is over', async () => {
    const window = await Window.open(browser, running.link);
    const { page } = window;
    const verdict = page.locator('.verdict');
    await write('healthy-1');
    await page.getByText('1 accepted').first().waitFor({ state: 'attached', timeout: TIMEOUT_MS });

    expect(await verdict.textContent()).toBe('Mail flows');
    expect(await page.locator('.loss').textContent()).toMatch(/^No mail is lost\. No mail needs a person\.$/);
    await readable(window);

    await pipeline.smtp.behave({ kind: 'refused' });
    await write('outage-1');
    // Without a reload.
    await page.locator('.broke').waitFor({ timeout: TIMEOUT_MS });

    expect(await verdict.textContent()).toBe('Mail flows, by SES: mail-core is down');
    expect(await page.locator('.broke').textContent()).toMatch(
      /unreachable mail-core \(SMTP\) since \d\d:\d\d UTC, \d+s ago: no connection to the server: “ECONNREFUSED”\. Since then it did not accept 1 mail\./,
    );
    await page.getByText('1 delivered').first().waitFor({ state: 'attached', timeout: TIMEOUT_MS });
    await readable(window);

    await pipeline.smtp.behave({ kind: 'healthy' });
    await write('recovered-1');
    await page.locator('.broke').waitFor({ state: 'detached', timeout: TIMEOUT_MS });

    expect(await verdict.textContent()).toBe('Mail flows');
    await readable(window);
    expect(window.complaints).toEqual([]);
    await window.close();
  });

  it('draws the last hours', async () => {
    const window = await Window.open(browser, running.link);
    await window.page.locator('.chart canvas').nth(2).waitFor({ timeout: TIMEOUT_MS });

    expect(window.complaints).toEqual([]);
    await window.close();
  });

  it('redrives a dead letter by the keyboard alone, and says what it did', async () => {
    await pipeline.smtp.behave({ kind: 'refused' });
    await write('foreign-1', 'a@other.example');
    const window = await Window.open(browser, running.link);
    const { page } = window;
    await page.getByRole('link', { name: '1 mail needs a person' }).waitFor({ timeout: TIMEOUT_MS });
    const activate = async (name: string, role: 'link' | 'button' = 'link') => {
      const target = page.getByRole(role, { name, exact: true }).first();
      await target.waitFor({ timeout: TIMEOUT_MS });
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        if ((await target.and(page.locator(':focus')).count()) > 0) break;
      }
      await page.keyboard.press('Enter');
    };
    await activate('Dead letters');
    await page.getByText('What fixes it').first().waitFor({ timeout: TIMEOUT_MS });
    await readable(window);
    await activate('foreign-sender');
    await activate('foreign-1');
    await page.getByRole('heading', { name: 'Why it was not sent' }).waitFor({ timeout: TIMEOUT_MS });

    expect(await page.textContent('main')).not.toContain('The body of foreign-1');
    await readable(window);
    await activate('Show the body');
    await page.getByText('The body of foreign-1').waitFor({ timeout: TIMEOUT_MS });
    await activate('Redrive…');
    await page.getByText('1 letter goes back to the queue of its priority').waitFor({ timeout: TIMEOUT_MS });
    await readable(window);
    await activate('Redrive 1 letter', 'button');
    await page.getByText('1 letter moved to the fallback queue.').waitFor({ timeout: TIMEOUT_MS });
    await readable(window);

    expect(window.complaints).toEqual([]);
    await window.close();
  });

  it('shows with no script what it shows with one', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(running.link);

    await page.locator('.verdict').waitFor({ timeout: TIMEOUT_MS });
    await page.goto(new URL('/dead-letters', running.link).href);
    // It loads itself again until the queue was looked through.
    await page
      .getByText(/letters? seen|There is no dead letter/)
      .first()
      .waitFor({ timeout: TIMEOUT_MS });
    await context.close();
  });

  it('loads no more than 150 KB without the charts', async () => {
    const window = await Window.open(browser, running.link);
    await window.page.goto(new URL('/', running.link).href, { waitUntil: 'load' });
    const entries = `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]`;
    const sizes: [string, number][] = JSON.parse(
      String(
        await window.page.evaluate(
          `JSON.stringify(${entries}.map(({ name, decodedBodySize }) => [name, decodedBodySize]))`,
        ),
      ),
    );
    const loaded = sizes
      .map(([url, size]) => ({ path: new URL(url).pathname, size }))
      .filter(({ path }) => !path.includes('uplot') && path !== '/charts.json' && path !== '/events');
    const bytes = loaded.reduce((sum, { size }) => sum + size, 0);

    expect(loaded.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['/', '/assets/console.css', '/assets/console.js']),
    );
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(150_000);
    await window.close();
  });
});
