import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Clock, systemClock } from '../../ports/runtime.ts';
import { SesAccount, type SesAccountOptions } from './account.ts';
import type { EventFault, EventFaultHandle } from './event-faults.ts';
import { EventPublisher, Listener, type ListenerFunction } from './event-publisher.ts';
import { type Fault, type FaultHandle, Faults } from './fault.ts';
import type { CallRecord } from './http-front.ts';
import { HttpFront } from './http-front.ts';
import { queryProtocol } from './query-protocol.ts';
import { Recorder, type WaitOptions } from './recorder.ts';
import { restProtocol } from './rest-protocol.ts';
import { SendStatistics } from './send-statistics.ts';
import { createSesService } from './service.ts';
import type { SesEvent } from './ses-event.ts';
import type { ScriptFor } from './simulate-delivery.ts';
import { DeliverySimulator } from './simulate-delivery.ts';
import type { SesMail } from './submission.ts';

export interface SesDoubleOptions extends SesAccountOptions {
  /** @default eu-west-1 */
  readonly region?: string;
  /** @default a free port */
  readonly port?: number;
  /** For rate, quota, ids and dates. @default the system clock */
  readonly clock?: Clock;
  /**
   * Called with each accepted mail, for a next hop. The response does not wait for it, as SES queues too; its
   * errors are thrown by `close()`.
   */
  readonly onMail?: ListenerFunction<SesMail>;
  /**
   * Called with each published event, for the topic of the configuration set. It may be called again before
   * it has finished; its errors are thrown by `close()`.
   */
  readonly onEvent?: ListenerFunction<SesEvent>;
}

/** A running double. */
export interface SesDouble {
  /** The endpoint for clients. */
  readonly url: string;
  /** The state of the account; may be changed at any time. */
  readonly account: SesAccount;
  /** The mails accepted so far. */
  readonly mails: readonly SesMail[];
  /** The calls so far. Each is added when its outcome is known, before the response is sent. */
  readonly calls: readonly CallRecord[];
  /** Resolves with the first past or future mail that matches the predicate. */
  waitFor(predicate: (mail: SesMail) => boolean, options?: WaitOptions): Promise<SesMail>;
  /** The same for calls. */
  waitForCall(predicate: (call: CallRecord) => boolean, options?: WaitOptions): Promise<CallRecord>;
  /** Calls the listener for each mail from now on, until the returned function is called. */
  subscribe(listener: (mail: SesMail) => void): () => void;
  /** Queues a fault. */
  fault(fault: Fault): FaultHandle;
  clearFaults(): void;
  /** The events published so far, including each duplicate. Each is added before the listener is called. */
  readonly events: readonly SesEvent[];
  /** Resolves with the first past or future event that matches the predicate. */
  waitForEvent(predicate: (event: SesEvent) => boolean, options?: WaitOptions): Promise<SesEvent>;
  /** Calls the listener for each event from now on, until the returned function is called. */
  subscribeToEvents(listener: (event: SesEvent) => void): () => void;
  /**
   * From now on, the function decides the delivery of mails. An address that the account suppresses still
   * bounces.
   */
  status(script: ScriptFor): void;
  /** From now on, events are late, duplicated, out of order or not published. */
  disturbEvents(fault: EventFault): EventFaultHandle;
  /** Removes all event faults. Withheld events stay withheld. */
  clearDisturbances(): void;
  /** Publishes withheld events. @param predicate which of them; @default all */
  releaseEvents(predicate?: (event: SesEvent) => boolean): void;
  /** Waits until all events are published and the listener has finished. Ignores withheld events. */
  eventsSettled(): Promise<void>;
  /** Forgets mails, calls and events, so that a long run does not grow. */
  clear(): void;
  /** Closes all connections, even with calls in progress, and drops events that are not published yet. */
  close(): Promise<void>;
}

/**
 * Starts an SES double on 127.0.0.1 with the protocols of `@aws-sdk/client-ses` (SendRawEmail, GetSendQuota,
 * GetSendStatistics)
 * and `@aws-sdk/client-sesv2` (SendEmail with raw content, GetAccount, PutAccountDetails, GetEmailIdentity,
 * GetConfigurationSet, the account's suppression list). It refuses what SES refuses, stores accepted mails,
 * and publishes their events.
 *
 * @example
 * const ses = await startSesDouble({ identities: ['example.org'] });
 * const client = new SESClient({ endpoint: ses.url, region: 'eu-west-1', credentials });
 * ses.fault({ effect: { kind: 'reset', accepted: true } });
 * ses.status((_mail, recipient) => (recipient.startsWith('gone') ? { kind: 'hard-bounce' } : undefined));
 * ses.disturbEvents({ effect: { kind: 'withhold' }, when: ({ eventType }) => eventType === 'Send' });
 */
export async function startSesDouble(options: SesDoubleOptions = {}): Promise<SesDouble> {
  const { region = 'eu-west-1', clock = systemClock } = options;
  const account = new SesAccount(options);
  const mails = new Recorder<SesMail>('mail');
  const calls = new Recorder<CallRecord>('call');
  const faults = new Faults();
  const mailListener = new Listener<SesMail>('onMail', options.onMail);
  const publisher = new EventPublisher(options.onEvent);
  const simulator = new DeliverySimulator({ account, region, publisher });
  const statistics = new SendStatistics();
  publisher.journal.subscribe((event) => statistics.countEvent(event));
  const service = createSesService({
    account,
    region,
    clock,
    statistics,
    onAccepted: (mail) => {
      statistics.countMail(mail);
      mails.add(mail);
      mailListener.call(mail);
      simulator.follow(mail);
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
    events: publisher.journal.entries,
    waitForEvent: (predicate, wait) => publisher.journal.waitFor(predicate, wait),
    subscribeToEvents: (listener) => publisher.journal.subscribe(listener),
    status: (script) => simulator.script(script),
    disturbEvents: (fault) => publisher.disturb(fault),
    clearDisturbances: () => publisher.clearDisturbances(),
    releaseEvents: (predicate = () => true) => publisher.release(predicate),
    eventsSettled: () => publisher.settled(),
    clear: () => {
      mails.clear();
      calls.clear();
      publisher.clear();
    },
    close: async () => {
      await closeServer(server);
      mails.end();
      calls.end();
      await settleAll([publisher.close(), mailListener.settled()]);
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  // do not close an idle connection that a client is about to reuse
  server.keepAliveTimeout = 10 * 60 * 1000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

/** Waits for all, even if some throw. @throws the first error */
async function settleAll(ends: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(ends);
  await Promise.all(ends);
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
