import type { Context, Hono } from 'hono';
import type { Clock } from '../ports/runtime.ts';
import type { Jobs } from './jobs.ts';
import type { PageContent } from './layout.ts';
import type { LiveParts } from './live.ts';
import type { Missing } from './sources/reading.ts';
import type { ConsoleSources } from './sources.ts';
import { missing } from './view.ts';

/** One entry of the navigation, with its routes. */
export interface ConsolePage {
  readonly path: string;
  readonly title: string;
  register(app: Hono, desk: Desk): void;
}

/** What pages are made with. */
export interface Desk {
  readonly sources: ConsoleSources;
  readonly clock: Clock;
  /** Redrive, drop, suppression. @see ConsoleOptions */
  readonly allowChanges: boolean;
  readonly showAddresses: boolean;
  /** In each form that changes something: {@link changeForm}. */
  readonly formToken: string;
  /** Changes that take a while. */
  readonly jobs: Jobs;
  /** Parts of pages that are sent again as they change. */
  readonly live: LiveParts;
  /** An error in words, with its fix. */
  describe(error: unknown): Missing;
  /** Responds with a page in the frame that all have. */
  show(c: Context, content: PageContent, status?: 200 | 400 | 403 | 404 | 409 | 500): Promise<Response>;
}

/** The routes of a page whose source cannot be read: each says why, and what fixes it. */
export function registerMissing(
  app: Hono,
  desk: Desk,
  { path, title }: Pick<ConsolePage, 'path' | 'title'>,
  what: string,
  source: Missing,
  routes: readonly string[] = [path],
): void {
  for (const route of routes)
    app.get(route, (c) => desk.show(c, { title, path, body: missing(what, source) }));
}
