import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { RunningConsole } from '../../../lib/console/server.ts';
import { describeWithChromium, Window } from '../../support/chromium.ts';
import { type OutboxDatabase, OutboxServer } from '../../support/outbox-database.ts';
import { recordDelivery } from '../../support/recorded-delivery.ts';
import { startChromium } from '../../support/start-chromium.ts';
import { DeployedConsole } from '../deployed-console.ts';

const TIMEOUT_MS = 60_000;

let deployed: DeployedConsole;
let server: OutboxServer;
let database: OutboxDatabase;
let browser: Browser;
let running: RunningConsole;

/** Tabs to what has this name, as somebody without a mouse does. */
async function focusByKeyboard(page: Page, selector: string): Promise<void> {
  const target = page.locator(selector).first();
  await target.waitFor({ timeout: TIMEOUT_MS });
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await target.and(page.locator(':focus')).count()) > 0) return;
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

/** In each scheme and at each width nothing is cut off, and axe finds nothing serious. */
async function expectReadable(window: Window): Promise<void> {
  const { page } = window;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280, 2560]) {
      await page.setViewportSize({ width, height: 900 });
      expect([colorScheme, width, await window.overflow(), await window.barriers()]).toEqual([
        colorScheme,
        width,
        0,
        [],
      ]);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

describeWithChromium('deliveries in a browser', () => {
  beforeAll(async () => {
    [deployed, server, browser] = await Promise.all([
      DeployedConsole.start(),
      OutboxServer.start(),
      startChromium(),
    ]);
    database = await server.database();
    await recordDelivery({ database, dynamoDb: deployed.dynamoDb }, 'reply-1');
    await database.insert(
      {
        id: `order-${'0f3b8c4e'.repeat(20)}`,
        tenant_id: 'x'.repeat(200),
        status: 'failed',
        last_error: '5'.repeat(500),
      },
      { id: 'waits', target_address: 'paul@example.org' },
      {
        id: 'kept',
        target_address: `${'x'.repeat(60)}@${'y'.repeat(60)}.example`,
        status: 'delivered',
        provider: 'smtp',
      },
    );
    running = await deployed.open({ DATABASE_URL: database.connectionString });
  });

  afterAll(async () => {
    await browser?.close();
    await deployed?.close();
    await database?.close();
    await server?.close();
  });

  it('are found and opened by the keyboard alone, and can be read at each width', async () => {
    const window = await Window.open(browser, running.link);
    const { page } = window;
    await page.goto(new URL('/deliveries', running.link).href);
    await expectReadable(window);

    await focusByKeyboard(page, '#field-q');
    await page.keyboard.type('marie@example.org');
    await focusByKeyboard(page, '#field-status');
    await page.keyboard.type('failed');
    await page.keyboard.press('Enter');
    await focusByKeyboard(page, 'button[type=submit]');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=marie%40example\.org&status=failed/);
    await focusByKeyboard(page, 'a[href="/deliveries/reply-1"]');
    await page.keyboard.press('Enter');
    // The ledger is read after the row, and shown without a reload.
    await page.getByText('SES took it as ses-1').waitFor({ timeout: TIMEOUT_MS });

    expect(await page.locator('.timeline li').count()).toBe(7);
    expect(await page.locator('main').textContent()).toContain('<one@keybuzz.io>');
    await expectReadable(window);
    expect(window.complaints).toEqual([]);
    await window.close();
  });

  it('say that none is like that, and how to search, in words that can be read', async () => {
    const window = await Window.open(browser, running.link);
    for (const path of [
      '/deliveries?q=no-one%40example.org',
      '/deliveries?from=yesterday',
      '/deliveries/no-such',
    ]) {
      await window.page.goto(new URL(path, running.link).href);
      await window.page
        .getByText(/No delivery is like that|has to be a time|No place knows/)
        .waitFor({ timeout: TIMEOUT_MS });
      await expectReadable(window);
    }
    await window.close();
  });

  it('are there with no script at all', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(running.link);
    await page.goto(new URL('/deliveries/reply-1', running.link).href);
    // It loads itself again until all places were asked.
    await page.getByText('SES took it as ses-1').waitFor({ timeout: TIMEOUT_MS });
    await context.close();
  });
});
