import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeWithChromium, Window } from '../../support/chromium.ts';
import { startChromium } from '../../support/start-chromium.ts';
import { compose, HOSTILE_ATTACHMENTS, hostileHtml } from '../hostile-mail.ts';
import { type LocalConsole, startLocalConsole } from '../local-console.ts';

const PAGES = [
  ...['/inbox', '/new-mail', '/faults'],
  ...['html', 'text', 'headers', 'attachments', 'source'].map((view) => `/inbox/smtp-1?view=${view}`),
];

let local: LocalConsole;
let browser: Browser;
/** A server of the sender of the mail. */
let elsewhere: Server;
let connections = 0;
let window: Window;
let page: Page;

const open = (path: string) => page.goto(`${local.origin}${path}`, { waitUntil: 'load' });

describeWithChromium('the local pages in a browser', () => {
  beforeAll(async () => {
    elsewhere = createServer((_request, response) => response.end());
    elsewhere.on('connection', () => {
      connections += 1;
    });
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    [local, browser] = await Promise.all([startLocalConsole(), startChromium()]);
    const { port } = elsewhere.address() as AddressInfo;
    await local.deliver(
      await compose({
        subject: 'Hostile <b>mail</b>',
        text: 'Hello.',
        html: hostileHtml(`http://127.0.0.1:${port}`),
        attachments: HOSTILE_ATTACHMENTS,
      }),
    );
  });

  afterAll(async () => {
    await browser?.close();
    await local?.close();
    elsewhere?.close();
  });

  beforeEach(async () => {
    window = await Window.open(browser, local.link);
    page = window.page;
  });

  afterEach(async () => {
    await window.close();
    await local.submit('/faults', { fault: 'all' });
  });

  it('run no script of a mail, load nothing for it, and keep it in its frame', async () => {
    await open('/inbox/smtp-1');
    const frame = page.frameLocator('iframe.mail');
    await frame.locator('#seen').waitFor();

    for (const target of ['#send', '#away', '#inside']) {
      const refused = page.waitForEvent('console', (message) => message.text().startsWith('Blocked'));
      await frame.locator(target).click();
      await refused;
    }

    await expectInert();
    expect(page.frames().map((one) => one.url())).toEqual([
      `${local.origin}/inbox/smtp-1`,
      `${local.origin}/inbox/smtp-1/html`,
    ]);
  });

  it('run nothing of a mail that is opened outside of its frame', async () => {
    await open('/inbox/smtp-1/html');
    await page.locator('#seen').waitFor();

    await expectInert();
  });

  it.each([
    [2, 'x'],
    [3, 'picture.svg'],
    [4, 'page.html'],
  ])('download the hostile attachment %i as %s, and show it nowhere', async (number, name) => {
    await open('/inbox/smtp-1?view=attachments');
    const downloaded = page.waitForEvent('download');

    await page.locator(`a[href$="/attachments/${number}"]`).click();

    expect((await downloaded).suggestedFilename()).toBe(name);
    expect(page.url()).toBe(`${local.origin}/inbox/smtp-1?view=attachments`);
  });

  describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
    it.each(PAGES)('are readable for all, with a fault on and at each width: %s', async (path) => {
      await page.emulateMedia({ colorScheme });
      await local.submit('/faults', { fault: 'ses-throttles', to: 'on' });
      await open(path);

      for (const width of [2560, 1280, 360]) {
        await page.setViewportSize({ width, height: 900 });
        expect({ width, overflow: await window.overflow() }).toEqual({ width, overflow: 0 });
      }
      expect(await window.barriers()).toEqual([]);
    });
  });

  it('break and repair a server by the keyboard alone', async () => {
    await open('/faults');

    await press('Switch on mail-core greylists: 451 for every recipient');
    await page.locator('#banner', { hasText: 'mail-core greylists' }).waitFor();
    await press('Switch off mail-core greylists: 451 for every recipient');

    await page.locator('#banner', { hasNotText: 'greylists' }).waitFor({ state: 'attached' });
    expect(window.complaints).toEqual([]);
  });

  it('write a row by the keyboard alone, and lead to its delivery', async () => {
    await open('/new-mail');

    await press('Write to the outbox');

    await page.getByText('1 row written').waitFor();
    expect(await page.locator('.notice a[href^="/deliveries/mine-"]').count()).toBe(1);
    expect(window.complaints).toEqual([]);
  });

  it('show a new mail without a reload, and in the banner a fault that was switched elsewhere', async () => {
    await open('/inbox');
    const mail = {
      to: 'marie@example.org',
      subject: 'Arrives live',
      text: 'Hi.',
      html: '',
      tenant: 'shop-a',
    };
    await local.submit('/new-mail', { ...mail, count: '1' });
    await local.submit('/faults', { fault: 'ses-down', to: 'on' });

    await page.locator('#mails', { hasText: 'Arrives live' }).waitFor();
    await page.locator('#banner', { hasText: 'SES answers 503' }).waitFor();
    await local.submit('/faults', { fault: 'all' });
    await page.locator('#banner', { hasNotText: 'SES' }).waitFor({ state: 'attached' });
    expect(window.complaints).toEqual([]);
  });
});

/** Nothing of the mail ran, and its sender heard nothing: not even that somebody connected. */
async function expectInert(): Promise<void> {
  expect(await page.title()).not.toBe('executed');
  for (const frame of page.frames()) expect(await frame.locator('#executed').count()).toBe(0);
  expect(connections).toBe(0);
}

async function press(name: string): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await button.and(page.locator(':focus')).count()) > 0) return page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not reach ${name}`);
}
