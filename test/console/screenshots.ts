/**
 * Draws the pages of the console over the pipeline of this machine, in a healthy run and in an outage, for the docs:
 * light and dark, wide and narrow.
 *
 *   npm run screenshots -- [--out docs/console]
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { type RunningConsole, startConsole } from '../../lib/console/server.ts';
import { LocalFaults } from '../../lib/emulators/demo/faults.ts';
import { openLocalConsole } from '../../lib/emulators/demo/local-console.ts';
import { insertRows } from '../../lib/emulators/demo/outbound-rows.ts';
import { type LocalPipeline, startLocalPipeline } from '../../lib/emulators/pipeline.ts';
import { startChromium } from '../support/start-chromium.ts';

const { values } = parseArgs({ options: { out: { type: 'string', default: join('docs', 'console') } } });

const FROM = 'KeyBuzz <support@keybuzz.io>';
const TIMEOUT_MS = 60_000;

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
}

async function writeRows(
  pipeline: LocalPipeline,
  name: string,
  to: readonly string[],
  from = FROM,
): Promise<void> {
  const rows = to.map((address, index) => ({
    id: `${name}-${index + 1}`,
    tenantId: ['atelier-lyon', 'shop-a', 'nordlicht'][index % 3] ?? 'shop-a',
    mail: {
      from,
      to: address,
      subject: `Your order ${4_800 + index}`,
      text: 'It is on its way.',
      html: `<h1>Order ${4_800 + index}</h1><p>It is on its way, and will be with you on <b>Tuesday</b>.</p>`,
    },
  }));
  await insertRows(pipeline.pool, rows, new Date());
}

const buyers = (count: number) =>
  Array.from({ length: count }, (_, n) => `${['marie', 'paul', 'lea'][n % 3]}.${n}@example.org`);

async function draw(browser: Browser, link: string, picture: Picture): Promise<void> {
  const { name, path, colorScheme = 'light', width = 1280 } = picture;
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
  const page = await context.newPage();
  await page.goto(link);
  await page.goto(new URL(path, link).href);
  await settled(page);
  // The beginning of a long page says as much as all of it.
  await page.screenshot({
    path: join(values.out, `${name}.png`),
    fullPage: !/deliveries$|inbox$/.test(path),
  });
  await context.close();
  console.log(`${name}.png`);
}

/** Its parts have come, and its charts are drawn. */
async function settled(page: Page): Promise<void> {
  await page
    .locator('.loading')
    .waitFor({ state: 'detached', timeout: TIMEOUT_MS })
    .catch(() => {});
  if ((await page.locator('[data-charts]').count()) > 0) await page.locator('.uplot').last().waitFor();
}

async function drawAll(
  pipeline: LocalPipeline,
  running: RunningConsole,
  browser: Browser,
  faults: LocalFaults,
) {
  const { link } = running;
  const page = await browser.newPage();
  await page.goto(link);
  const shown = (text: string) =>
    page.getByText(text).first().waitFor({ state: 'attached', timeout: TIMEOUT_MS });
  await writeRows(pipeline, 'reply', buyers(24));
  await shown('24 accepted');
  await draw(browser, link, { name: 'healthy', path: '/' });
  await faults.set('smtp-refuses', true);
  await writeRows(pipeline, 'order', [...buyers(38), 'bounce@simulator.amazonses.com']);
  // SES would refuse these: they become dead letters.
  await writeRows(pipeline, 'foreign', buyers(2), 'shop@other.example');
  await shown('38 delivered');
  const wide: Picture[] = [
    { name: 'overview', path: '/' },
    { name: 'overview-dark', path: '/', colorScheme: 'dark' },
    { name: 'overview-narrow', path: '/', width: 360 },
    { name: 'deliveries', path: '/deliveries' },
    { name: 'delivery', path: '/deliveries/order-39' },
    { name: 'dead-letters', path: '/dead-letters' },
    { name: 'inbox', path: '/inbox' },
  ];
  for (const picture of wide) await draw(browser, link, picture);
}

const directory = await mkdtemp(join(tmpdir(), 'screenshots-'));
const ended = new AbortController();
await mkdir(values.out, { recursive: true });
const pipeline = await startLocalPipeline({ directory });
const faults = new LocalFaults(pipeline);
const opened = openLocalConsole(pipeline, ended.signal, { faults, idKeys: [] });
const running = await startConsole(opened.sources, opened);
const browser = await startChromium();
await drawAll(pipeline, running, browser, faults);
ended.abort();
await browser.close();
await running.close();
await opened.close();
await pipeline.close();
await rm(directory, { recursive: true, force: true });
