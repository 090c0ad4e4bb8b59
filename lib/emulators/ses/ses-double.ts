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
import { createSesService } from './service.ts';
import type { SesEvent } from './ses-event.ts';
import type { ScriptFor } from './simulate-delivery.ts';
import { DeliverySimulator } from './simulate-delivery.ts';
import type { SesMail } from './submission.ts';

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
  readonly onMail?: ListenerFunction<SesMail>;
  /**
   * Called with each event that is published, for the topic of the configuration set. It may be called again before
   * it has ended; what it throws is thrown by `close()`.
   */
  readonly onEvent?: ListenerFunction<SesEvent>;
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
  /** The events published so far, a duplicate as often as it came. Each stands here before the hook has it. */
  readonly events: readonly SesEvent[];
  /** Resolves with the first event, past or to come, that the predicate is true for. */
  waitForEvent(predicate: (event: SesEvent) => boolean, options?: WaitOptions): Promise<SesEvent>;
  /** Calls the listener for each event from now on, until the returned function is called. */
  subscribeToEvents(listener: (event: SesEvent) => void): () => void;
  /**
   * From now on, what becomes of mails is what the function says. An address that the account suppresses bounces
   * all the same.
   */
  status(statusOf: ScriptFor): void;
  /** From now on, events come late, twice, out of order or not at all. */
  disturbEvents(disturbance: EventFault): EventFaultHandle;
  /** Events come as they should again. What is withheld stays so. */
  clearDisturbances(): void;
  /** Publishes what was withheld. @param predicate which of it; @default all */
  releaseEvents(predicate?: (event: SesEvent) => boolean): void;
  /** Waits until no event is still to come and the hook has ended. What is withheld is not waited for. */
  eventsSettled(): Promise<void>;
  /** Forgets mails, calls and events, so that a long run does not grow. */
  clear(): void;
  /** Ends all connections, whatever is still under way, and drops the events that are still to come. */
  close(): Promise<void>;
}

/**
 * Starts an SES on 127.0.0.1 that speaks the protocols of `@aws-sdk/client-ses` (SendRawEmail, GetSendQuota) and
 * `@aws-sdk/client-sesv2` (SendEmail with raw content, GetAccount, PutAccountDetails, GetEmailIdentity,
 * GetConfigurationSet, the suppression list of the account), refuses what SES refuses, keeps what it takes, and
 * publishes what becomes of it.
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
  const hook = new Listener<SesMail>('onMail', options.onMail);
  const publisher = new EventPublisher(options.onEvent);
  const aftermath = new DeliverySimulator({ account, region, publisher });
  const service = createSesService({
    account,
    region,
    clock,
    onAccepted: (mail) => {
      mails.add(mail);
      hook.call(mail);
      aftermath.follow(mail);
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
    status: (statusOf) => aftermath.script(statusOf),
    disturbEvents: (disturbance) => publisher.disturb(disturbance),
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
      await allThrown([publisher.close(), hook.settled()]);
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

/** Waits for all, whatever some of them throw. @throws the first that was thrown */
async function allThrown(ends: readonly Promise<void>[]): Promise<void> {
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
