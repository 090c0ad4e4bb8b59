import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, systemClock } from '../../ports/clock.ts';
import { SesAccount, type SesAccountOptions } from './account.ts';
import type { CallRecord } from './call-record.ts';
import { type Fault, type FaultHandle, Faults } from './fault.ts';
import { HttpFront } from './http-front.ts';
import { Journal, type WaitOptions } from './journal.ts';
import type { SesMail } from './mail.ts';
import { MailHook, type OnMail } from './mail-hook.ts';
import { queryProtocol } from './query-protocol.ts';
import { restProtocol } from './rest-protocol.ts';
import { createSesService } from './service.ts';

/** How a double is started. */
export interface SesDoubleOptions extends SesAccountOptions {
  /** @default eu-west-1 */
  readonly region?: string;
  /** @default one that is free */
  readonly port?: number;
  /** The time that rate, quota, ids and dates go by. @default the system's */
  readonly clock?: Clock;
  /**
   * Called with each mail taken, for a next hop. The client's answer does not wait for it, as SES queues too; what
   * it throws is thrown by `close()`.
   */
  readonly onMail?: OnMail;
}

/** A running double. */
export interface SesDouble {
  /** The endpoint for clients. */
  readonly url: string;
  /** The state of the account, to be changed at any time. */
  readonly account: SesAccount;
  /** The mails taken so far. */
  readonly mails: readonly SesMail[];
  /** The calls so far. Each stands here as soon as its outcome is decided, before the answer is written. */
  readonly calls: readonly CallRecord[];
  /** Resolves with the first mail, past or to come, that the predicate is true for. */
  waitFor(predicate: (mail: SesMail) => boolean, options?: WaitOptions): Promise<SesMail>;
  /** The same for calls. */
  waitForCall(predicate: (call: CallRecord) => boolean, options?: WaitOptions): Promise<CallRecord>;
  /** Calls the listener for each mail from now on, until the returned function is called. */
  subscribe(listener: (mail: SesMail) => void): () => void;
  /** Puts a fault in line. */
  fault(fault: Fault): FaultHandle;
  clearFaults(): void;
  /** Forgets mails and calls, so that a long run does not grow. */
  clear(): void;
  /** Ends all connections, whatever is still under way. */
  close(): Promise<void>;
}

/**
 * Starts an SES on 127.0.0.1 that speaks the protocols of `@aws-sdk/client-ses` (SendRawEmail, GetSendQuota) and
 * `@aws-sdk/client-sesv2` (SendEmail with raw content, GetAccount), refuses what SES refuses, and keeps what it
 * takes.
 *
 * @example
 * const ses = await startSesDouble({ identities: ['example.org'] });
 * const client = new SESClient({ endpoint: ses.url, region: 'eu-west-1', credentials });
 * ses.fault({ effect: { kind: 'reset', accepted: true } });
 */
export async function startSesDouble(options: SesDoubleOptions = {}): Promise<SesDouble> {
  const { region = 'eu-west-1', clock = systemClock } = options;
  const account = new SesAccount(options);
  const mails = new Journal<SesMail>('mail');
  const calls = new Journal<CallRecord>('call');
  const faults = new Faults();
  const hook = new MailHook(options.onMail);
  const service = createSesService({
    account,
    region,
    clock,
    onAccepted: (mail) => {
      mails.add(mail);
      hook.call(mail);
    },
  });
  const front = new HttpFront({
    wires: { v1: queryProtocol(service), v2: restProtocol(service) },
    region,
    clock,
    faults,
    calls,
  });
  const server = createServer((request, response) => front.serve(request, response));
  const url = await listen(server, options.port ?? 0);

  return {
    url,
    account,
    mails: mails.entries,
    calls: calls.entries,
    waitFor: (predicate, wait) => mails.waitFor(predicate, wait),
    waitForCall: (predicate, wait) => calls.waitFor(predicate, wait),
    subscribe: (listener) => mails.subscribe(listener),
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    clear: () => {
      mails.clear();
      calls.clear();
    },
    close: async () => {
      await closeServer(server);
      mails.end();
      calls.end();
      await hook.settled();
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  // an idle connection must not be closed under a client that is about to use it again
  server.keepAliveTimeout = 10 * 60 * 1000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
