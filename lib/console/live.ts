import { setTimeout as delay } from 'node:timers/promises';
import type { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Content } from './view.ts';

/** Parts of a page by their element's id. */
export type Parts = Readonly<Record<string, Content | Promise<Content>>>;

interface LiveSource {
  readonly intervalMs: number;
  /** @param rest of the name that the page gave, after its first slash */
  readonly render: (signal: AbortSignal, rest: string) => Promise<Parts>;
}

/** Sends the parts of a page that have changed, as long as the page is open. */
export class LiveParts {
  readonly #sources = new Map<string, LiveSource>();
  readonly #everywhere: () => Parts;

  /** @param everywhere the parts that each page has */
  constructor(everywhere: () => Parts = () => ({})) {
    this.#everywhere = everywhere;
  }

  /** @param name as the page names it: `live`, up to a slash */
  add(name: string, source: LiveSource): void {
    this.#sources.set(name, source);
  }

  /** @param ended aborts when the console ends */
  register(app: Hono, ended: AbortSignal): void {
    app.get('/events', (c) => {
      const [name = '', ...rest] = (c.req.query('of') ?? '').split('/');
      const source = this.#sources.get(name);
      if (source === undefined) return c.text('no such page', 404);
      return streamSSE(c, async (stream) => {
        const closed = new AbortController();
        stream.onAbort(() => closed.abort());
        const signal = AbortSignal.any([ended, closed.signal]);
        const sent = new Map<string, string>();
        while (!signal.aborted) {
          const parts = await source.render(signal, rest.join('/')).catch(() => ({}));
          for (const [id, part] of Object.entries({ ...this.#everywhere(), ...parts })) {
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
