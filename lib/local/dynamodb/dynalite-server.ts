import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import dynalite from 'dynalite';
import {
  askingForCapacity,
  type ConsumedCapacity,
  capacityOf,
  capacitySum,
  NOTHING,
  tableOf,
} from './consumed-capacity.ts';

export type DynaliteServer = {
  readonly port: number;
  /** Of all calls so far. @param table those for it alone */
  capacityUsed(table?: string): ConsumedCapacity;
  close(): Promise<void>;
};

/**
 * dynalite on a free port of 127.0.0.1, in memory, with a meter. It is asked in place of being listened to: on a
 * socket of its own it would throw, where nobody can catch it, as soon as a client gives up a call.
 */
export async function startDynalite(): Promise<DynaliteServer> {
  const emulator = dynalite({ createTableMs: 0 });
  const used = new Map<string, ConsumedCapacity>();

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const action = actionOf(incoming);
    const body = askingForCapacity(action, await text(incoming));
    const answer = await ask(emulator, incoming, body);
    const table = tableOf(body);
    used.set(table, capacitySum(used.get(table) ?? NOTHING, capacityOf(action, body, answer.body)));
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  };

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    capacityUsed: (table) =>
      table === undefined ? [...used.values()].reduce(capacitySum, NOTHING) : (used.get(table) ?? NOTHING),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Answer = { readonly status: number; readonly headers: Record<string, string>; readonly body: string };

/** Hands dynalite a request, and takes what it would write: it uses no more of them than is made here. */
function ask(emulator: Server, { method, url, headers }: IncomingMessage, body: string): Promise<Answer> {
  return new Promise((resolve) => {
    const written: Record<string, string> = {};
    const answer = {
      statusCode: 200,
      setHeader: (name: string, value: unknown) => {
        written[name] = String(value);
      },
      end: (sent: string) => resolve({ status: answer.statusCode, headers: written, body: sent }),
    };
    emulator.emit(
      'request',
      Object.assign(Readable.from([Buffer.from(body)]), { method, url, headers }),
      answer,
    );
  });
}

function actionOf({ headers }: IncomingMessage): string {
  const target = String(headers['x-amz-target'] ?? '');
  return target.slice(target.lastIndexOf('.') + 1);
}
