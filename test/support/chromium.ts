import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { CHROMIUM, canRunChromium } from './start-chromium.ts';

if (process.env.CI === 'true' && !canRunChromium) throw new Error('CI has no Chromium');
if (!canRunChromium)
  console.log(`skipped, since there is no ${CHROMIUM}: the tests of the console in a browser`);

/** Skipped without Chromium. */
export const describeWithChromium = canRunChromium ? describe : describe.skip;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A window on the console, with all that went wrong in it. */
export class Window {
  readonly page: Page;
  /** What the browser complained about: errors of scripts, and what the Content-Security-Policy refused. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  static async open(browser: Browser, link: string): Promise<Window> {
    // The policy of the page would refuse the script of axe, which is none of the page's.
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: false });
    const window = new Window(context, await context.newPage());
    await window.page.goto(link);
    return window;
  }

  /** What axe finds that keeps people out: `critical` or `serious`, at this size and in this scheme. */
  async barriers(): Promise<string[]> {
    // From outside of the page, so that its policy does not refuse it.
    const session = await this.#context.newCDPSession(this.page);
    await session.send('Runtime.evaluate', { expression: `${axe};undefined` });
    const { result } = await session.send('Runtime.evaluate', {
      expression: `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))`,
      awaitPromise: true,
    });
    await session.detach();
    const violations: readonly Violation[] = JSON.parse(String(result.value));
    return violations
      .filter(({ impact }) => impact === 'critical' || impact === 'serious')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  /** By how many pixels the page is wider than the window. */
  async overflow(): Promise<number> {
    return Number(
      await this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    );
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}
