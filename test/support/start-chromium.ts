import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's package. */
export const CHROMIUM = '/usr/bin/chromium';

export const canRunChromium = existsSync(CHROMIUM);

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}
