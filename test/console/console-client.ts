import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { ConsoleOptions, RunningConsole } from '../../lib/console/server.ts';
import { startConsole } from '../../lib/console/server.ts';
import type { ConsoleSources } from '../../lib/console/sources.ts';

const MISSING = { kind: 'missing', why: 'this test has none', fix: 'nothing' } as const;

/** A console that has nothing to show but what is given. */
export function consoleOver(
  sources: Partial<ConsoleSources> = {},
  options: Partial<ConsoleOptions> = {},
): Promise<RunningConsole> {
  return startConsole(
    {
      deployment: { name: 'keybuzz test', region: 'eu-west-1', kind: 'deployed' },
      overview: MISSING,
      deliveries: MISSING,
      deadLetters: MISSING,
      suppression: MISSING,
      runbook: { names: [], section: () => undefined },
      ...sources,
    },
    {
      allowChanges: false,
      showAddresses: false,
      describe: (error) => ({ why: String(error), fix: 'look at the test' }),
      ...options,
    },
  );
}

export interface ConsoleResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends what no browser would: `fetch` sets Host itself. */
export function ask(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<ConsoleResponse> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** An operator who has opened the link, with what their browser sends. */
export class ConsoleClient {
  readonly port: number;
  readonly cookie: string;

  private constructor(port: number, cookie: string) {
    this.port = port;
    this.cookie = cookie;
  }

  static async open({ port, link }: RunningConsole): Promise<ConsoleClient> {
    const { headers } = await ask(port, link.slice(link.indexOf('/', 'http://'.length)));
    return new ConsoleClient(port, headers['set-cookie']?.[0]?.split(';')[0] ?? '');
  }

  get(path: string): Promise<ConsoleResponse> {
    return ask(this.port, path, { headers: { Cookie: this.cookie } });
  }

  /** Fills in and sends the form of a page that has this action; its hidden fields go along. */
  async submit(
    path: string,
    action: string,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<ConsoleResponse> {
    const { text } = await this.get(path);
    const [form] = new RegExp(`<form[^>]*action="${action}"[\\s\\S]*?</form>`).exec(text) ?? [];
    if (form === undefined) throw new Error(`${path} has no form for ${action}: ${text}`);
    const hidden = [...form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']): [string, string] => [name, value],
    );
    return this.post(action, Object.fromEntries([...hidden, ...Object.entries(fields)]));
  }

  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: OutgoingHttpHeaders = {},
  ): Promise<ConsoleResponse> {
    return ask(this.port, path, {
      method: 'POST',
      headers: {
        Cookie: this.cookie,
        Origin: `http://127.0.0.1:${this.port}`,
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** The text of a job's page once it has ended. */
  async outcome({ headers: { location = '' } }: ConsoleResponse): Promise<string> {
    for (;;) {
      const { text } = await this.get(location);
      if (!text.includes('<progress')) return text;
    }
  }
}
