import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { startConsole } from '../../lib/console/server.ts';
import { LocalFaults } from '../../lib/emulators/demo/faults.ts';
import { openLocalConsole } from '../../lib/emulators/demo/local-console.ts';
import { type LocalPipeline, startLocalPipeline } from '../../lib/emulators/pipeline.ts';
import { ConsoleClient, type ConsoleResponse } from './console-client.ts';

/** The console over a pipeline of this machine, as `npm start` serves it, and who has opened its link. */
export interface LocalConsole {
  readonly pipeline: LocalPipeline;
  readonly link: string;
  readonly origin: string;
  get(path: string): Promise<Response>;
  /** The text of a page. */
  page(path: string): Promise<string>;
  /** Fills in and sends the form of a page. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<ConsoleResponse>;
  /** Gives the mail server a message as it stands. */
  deliver(raw: string | Buffer): Promise<void>;
  close(): Promise<void>;
}

const ID_KEY = 'b'.repeat(64);

/** The worker gives up early, so that a server that never greets does not take a test's time. */
const SHORT_PATIENCE = { SMTP_CONNECT_TIMEOUT_MS: '1000', SMTP_GREETING_TIMEOUT_MS: '1000' };

export async function startLocalConsole(): Promise<LocalConsole> {
  const directory = await mkdtemp(join(tmpdir(), 'keybuzz-mail-console-'));
  const pipeline = await startLocalPipeline({
    directory,
    workerEnvironment: { MAIL_ID_KEY: ID_KEY, ...SHORT_PATIENCE },
  });
  const ended = new AbortController();
  const faults = new LocalFaults(pipeline);
  const opened = openLocalConsole(pipeline, ended.signal, { faults, idKeys: [ID_KEY] });
  const running = await startConsole(opened.sources, opened);
  const origin = `http://127.0.0.1:${running.port}`;
  const client = await ConsoleClient.open(running);
  return {
    pipeline,
    link: running.link,
    origin,
    get: (path) => fetch(`${origin}${path}`, { redirect: 'manual', headers: { cookie: client.cookie } }),
    page: async (path) => (await client.get(path)).text,
    submit: (path, fields) => client.submit(path, path, fields),
    deliver: async (raw) => {
      const { host, port, certificatePem } = pipeline.smtp;
      const transport = nodemailer.createTransport({ host, port, tls: { ca: certificatePem } });
      await transport.sendMail({ envelope: { from: 'a@example.org', to: 'marie@example.org' }, raw });
      transport.close();
    },
    close: async () => {
      ended.abort();
      await running.close();
      await opened.close();
      await pipeline.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
