import { randomUUID } from 'node:crypto';
import { DAY_MS } from '../common/time.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure, FailureClass } from '../domain/failure.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Checkable, FallbackQueue, PayloadStore } from '../ports/queues.ts';
import { silentLog, systemClock } from '../ports/runtime.ts';
import type { SmtpResult, SmtpRoute } from '../ports/senders.ts';
import { CircuitBreakerRoute } from './circuit-breaker.ts';
import type { ComposeResult } from './compose-delivery.ts';
import type { MailerOptions } from './create-mailer.ts';
import { FallbackMailer, type Mail, type Mailer } from './mailer.ts';

/** What became of one call of `send`, `deliver` or `handOver`. */
export interface SentMail {
  readonly id: string;
  /** The mail as the program passed it to `send` or `compose`; undefined if it passed a delivery of its own. */
  readonly mail: Mail | undefined;
  /** What would have gone out, with its envelope and bytes; undefined if the mail was refused. */
  readonly delivery: Delivery | undefined;
  readonly outcome: Outcome;
}

/** A mailer for the tests of a program that sends mail. It has no settings and opens no connection. */
export interface MemoryMailer extends Mailer {
  /** Everything so far, in order; what SMTP or the queue accepted and what neither did, as `outcome` says. */
  readonly sent: readonly SentMail[];
  /**
   * From now on SMTP fails.
   *
   * @param recipients only these are refused, each by itself @default the mail as a whole fails
   * @throws RangeError if there is no such class
   */
  failSmtp(failureClass: FailureClass, recipients?: readonly string[]): void;
  /** From now on the fallback accepts nothing. */
  failFallback(): void;
  /** Both accept mail again. What was sent stays in `sent`. */
  repair(): void;
  /** Empties `sent` and repairs. */
  reset(): void;
}

export interface MemoryMailerOptions {
  /** As in the settings. @default 'hand-over' */
  readonly onUnknown?: 'hand-over' | 'hold' | undefined;
  /** As in the settings. @default four days */
  readonly timeToLiveMs?: number | undefined;
  /** As in the settings. @default none, and no sender is foreign */
  readonly domain?: string | undefined;
  readonly onForeignSender?: MailerOptions['onForeignSender'];
}

/**
 * The mailer that composes, refuses and reports like the one of `createMailer`, but keeps every mail in memory in place
 * of sending it.
 */
export function createMemoryMailer(options: MemoryMailerOptions = {}): MemoryMailer {
  return new InMemoryMailer(new MemoryRoutes(), options);
}

class InMemoryMailer extends FallbackMailer implements MemoryMailer {
  readonly #routes: MemoryRoutes;
  readonly #sent: SentMail[] = [];
  /** By id, since a delivery may be narrowed or stored before it is sent. */
  readonly #mails = new Map<string, Mail>();

  constructor(
    routes: MemoryRoutes,
    { onUnknown = 'hand-over', timeToLiveMs = 4 * DAY_MS, domain, onForeignSender }: MemoryMailerOptions,
  ) {
    super({
      smtp: new CircuitBreakerRoute(routes, {
        // A test says itself how each mail fails.
        breakerFailures: Number.POSITIVE_INFINITY,
        breakerProbeIntervalMs: 1,
        clock: systemClock,
        random: () => 0,
        onChange: () => {},
      }),
      queue: routes,
      payloads: routes,
      onUnknown,
      timeToLiveMs,
      domain,
      idKeys: [],
      onForeignSender: onForeignSender ?? (() => {}),
      clock: systemClock,
      log: silentLog,
    });
    this.#routes = routes;
  }

  get sent(): readonly SentMail[] {
    return this.#sent;
  }

  override async compose(mail: Mail): Promise<ComposeResult> {
    const composed = await super.compose(mail);
    if (composed.kind === 'delivery') this.#mails.set(composed.delivery.id, mail);
    return composed;
  }

  override async send(mail: Mail): Promise<Outcome> {
    const composed = await this.compose(mail);
    if (composed.kind === 'delivery') return this.deliver(composed.delivery);
    this.#sent.push({ id: composed.id, mail, delivery: undefined, outcome: composed });
    return composed;
  }

  override async deliver(delivery: Delivery): ReturnType<Mailer['deliver']> {
    return this.#record(delivery, await super.deliver(delivery));
  }

  override async handOver(delivery: Delivery, failure?: Failure): ReturnType<Mailer['handOver']> {
    return this.#record(delivery, await super.handOver(delivery, failure));
  }

  failSmtp(failureClass: FailureClass, recipients?: readonly string[]): void {
    // A test in JavaScript has no compiler to find a typo, and would wait for a failure that never comes.
    if (!Object.hasOwn(PHASES, failureClass)) {
      throw new RangeError(`${failureClass} is no failure class: ${Object.keys(PHASES).join(', ')}`);
    }
    this.#routes.smtpFailure = { class: failureClass, ...(recipients === undefined ? {} : { recipients }) };
  }

  failFallback(): void {
    this.#routes.fallbackFails = true;
  }

  repair(): void {
    this.#routes.smtpFailure = undefined;
    this.#routes.fallbackFails = false;
  }

  reset(): void {
    this.repair();
    this.#sent.length = 0;
    this.#mails.clear();
  }

  #record<T extends Outcome>(delivery: Delivery, outcome: T): T {
    const { id } = outcome;
    this.#sent.push({ id, mail: this.#mails.get(id), delivery, outcome });
    return outcome;
  }
}

/** Both ways out, without a network. */
class MemoryRoutes implements SmtpRoute, FallbackQueue, PayloadStore, Checkable {
  smtpFailure: { readonly class: FailureClass; readonly recipients?: readonly string[] } | undefined;
  fallbackFails = false;

  async send({ to }: Delivery): Promise<SmtpResult> {
    const failure = await this.verify();
    if (failure === undefined) return { kind: 'taken', taken: acceptedFor(to), refused: [] };
    const refused = to.filter((address) => this.smtpFailure?.recipients?.includes(address) ?? true);
    if (refused.length === to.length) return { kind: 'failed', failure, failed: to, refused: [] };
    const accepted = to.filter((address) => !refused.includes(address));
    return {
      kind: 'taken',
      taken: acceptedFor(accepted),
      refused: refused.map((address) => ({ address, failure })),
    };
  }

  async verify(): Promise<Failure | undefined> {
    if (this.smtpFailure === undefined) return undefined;
    const { class: failureClass } = this.smtpFailure;
    return { class: failureClass, phase: PHASES[failureClass], at: systemClock.now().toISOString() };
  }

  async push(): Promise<string> {
    this.#mayFail();
    return randomUUID();
  }

  async put(): Promise<void> {
    this.#mayFail();
  }

  async check(): Promise<void> {
    this.#mayFail();
  }

  async close(): Promise<void> {}

  #mayFail(): void {
    if (this.fallbackFails) throw Object.assign(new Error('the test says so'), { code: 'ECONNREFUSED' });
  }
}

const acceptedFor = (recipients: readonly string[]) => ({ response: '250 2.0.0 kept in memory', recipients });

/** Where a session of each class typically ends. */
const PHASES: Readonly<Record<FailureClass, Failure['phase']>> = {
  unreachable: 'connect',
  tls: 'tls',
  auth: 'auth',
  deferred: 'envelope',
  rejected: 'envelope',
  unknown: 'final-reply',
  'circuit-open': 'queue',
  undelivered: 'queue',
};
