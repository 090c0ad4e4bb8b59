import { randomBytes } from 'node:crypto';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { type Clock, systemClock } from '../ports/runtime.ts';
import { registerAssets } from './assets.ts';
import { Jobs } from './jobs.ts';
import { layout, refusalPage } from './layout.ts';
import { LiveParts } from './live.ts';
import type { Desk } from './page.ts';
import { faultBanner } from './pages/faults.ts';
import { registerJobs } from './pages/jobs.ts';
import { registerRunbook } from './pages/runbook.ts';
import { pagesFor } from './pages.ts';
import { createGuard, secureHeaders } from './security.ts';
import type { Missing } from './sources/reading.ts';
import type { ConsoleSources } from './sources.ts';
import { missing, notice } from './view.ts';

export interface ConsoleOptions {
  /** @default 0: one that is free */
  readonly port?: number;
  /** Whether mail may be redriven or dropped, and recipients suppressed. A local pipeline always allows it. */
  readonly allowChanges: boolean;
  readonly showAddresses: boolean;
  /** An error in words, with its fix. */
  readonly describe: (error: unknown) => Missing;
  readonly clock?: Clock;
  /** Random bytes, for tokens. */
  readonly random?: (bytes: number) => Buffer;
}

export interface RunningConsole {
  readonly port: number;
  /** Opens it: no one without this link gets in. */
  readonly link: string;
  close(): Promise<void>;
}

/** No form has more. */
const MAX_FORM_BYTES = 1_000_000;

/** Only this machine reaches it. */
const HOST = '127.0.0.1';

/** Serves the console. @throws if the port is in use */
export async function startConsole(
  sources: ConsoleSources,
  options: ConsoleOptions,
): Promise<RunningConsole> {
  const { port = 0, describe, clock = systemClock, random = randomBytes, showAddresses } = options;
  const isLocal = sources.deployment.kind === 'local';
  const allowChanges = isLocal || options.allowChanges;
  const ended = new AbortController();
  let listening = 0;
  const guard = createGuard({ port: () => listening, random, refusal: refusalPage });
  const pages = pagesFor(sources);
  const navigation = pages.map(({ path, title }) => ({ path, title }));
  const banner = () => faultBanner(sources.local?.faults, clock.now());
  const desk: Desk = {
    sources,
    clock,
    allowChanges,
    showAddresses: isLocal || showAddresses,
    formToken: guard.formToken,
    jobs: new Jobs(ended.signal, () => random(9).toString('base64url')),
    live: new LiveParts(() => ({ banner: banner() })),
    describe,
    show: async (c, content, status = 200) => {
      const frame = { deployment: sources.deployment, navigation, allowChanges, banner: banner() };
      return c.html(await layout(frame, content), status);
    },
  };
  const app = new Hono();
  app.use(secureHeaders);
  app.use(bodyLimit({ maxSize: MAX_FORM_BYTES, onError: (c) => c.text('That form is too large.', 413) }));
  app.use(guard.check);
  registerAssets(app);
  for (const page of pages) page.register(app, desk);
  registerJobs(app, desk);
  registerRunbook(app, desk);
  desk.live.register(app, ended.signal);
  app.notFound((c) =>
    desk.show(
      c,
      { title: 'There is no such page', path: '', body: notice('info', 'Look in the list above.') },
      404,
    ),
  );
  app.onError((error, c) =>
    desk.show(
      c,
      { title: 'That failed', path: '', body: missing('The console could not show this', describe(error)) },
      500,
    ),
  );
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: HOST, port }, (info) => {
      listening = info.port;
      resolve(starting);
    });
    starting.once('error', reject);
  });
  return {
    port: listening,
    link: guard.link(`http://${HOST}:${listening}`),
    close: async () => {
      ended.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}
