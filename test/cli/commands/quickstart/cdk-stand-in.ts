import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** What it does is done by the test, which has the account. */
const SCRIPT = `
const [address, ...args] = process.argv.slice(2);
const answer = await fetch(address, { method: 'POST', body: JSON.stringify(args) });
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
`;

/** A program in place of the CDK. */
export interface CdkStandIn {
  /** For `--cdk`. */
  readonly command: string;
  /** The arguments of each run so far. */
  readonly runs: readonly (readonly string[])[];
  /** Resolves when it is next run with this command. */
  started(command: string): Promise<void>;
  close(): Promise<void>;
}

/** @param perform does what a run does; while it takes, the program runs; what it throws lets it fail */
export async function startCdkStandIn(
  perform: (args: readonly string[]) => Promise<void>,
): Promise<CdkStandIn> {
  const directory = await mkdtemp(join(tmpdir(), 'cdk-stand-in-'));
  const script = join(directory, 'cdk.mjs');
  await writeFile(script, SCRIPT);
  const runs: (readonly string[])[] = [];
  const events = new EventEmitter();
  const server = createServer(async (request, response) => {
    response.on('error', () => {});
    const args: string[] = JSON.parse(await text(request));
    runs.push(args);
    events.emit(`run ${args[0]}`);
    try {
      await perform(args);
      response.end(`the stand-in has done: ${args[0]}`);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    command: `${process.execPath} ${script} http://127.0.0.1:${port}/`,
    runs,
    started: async (command) => {
      await once(events, `run ${command}`);
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}
