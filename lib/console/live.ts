import { setTimeout as delay } from 'node:timers/promises';
import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Content } from './view.ts';

/** Parts of a page by their element's id. */
export type Parts = Readonly<Record<string, Content | Promise<Content>>>;

interface LiveSource {
  readonly intervalMs: number;
  readonly render: (signal: AbortSignal) => Promise<Parts>;
}

/** Sends the parts of a page that have changed, as long as the page is open. */
export class LiveParts {
  readonly #sources = new Map<string, LiveSource>();

  /** @param name as the page names it: `data-live` */
  add(name: string, source: LiveSource): void {
    this.#sources.set(name, source);
  }

  /** @param ended aborts when the console ends */
  register(app: Hono, ended: AbortSignal): void {
    app.get('/events', (c) => {
      const source = this.#sources.get(c.req.query('of') ?? '');
      if (source === undefined) return c.text('no such page', 404);
      return streamSSE(c, async (stream) => {
        const closed = new AbortController();
        stream.onAbort(() => closed.abort());
        const signal = AbortSignal.any([ended, closed.signal]);
        const sent = new Map<string, string>();
        while (!signal.aborted) {
          const parts = await source.render(signal).catch(() => ({}));
          for (const [id, part] of Object.entries(parts)) {
            const text = String(await part);
            if (sent.get(id) === text) continue;
            sent.set(id, text);
            await stream.writeSSE({ event: 'part', data: JSON.stringify({ id, html: text }) });
          }
          // Says that the console is there, also if nothing changed.
          await stream.writeSSE({ event: 'beat', data: '' });
          await delay(source.intervalMs, undefined, { signal }).catch(() => {});
        }
      });
    });
  }
}
