import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { FallbackFailure } from '../domain/outcome.ts';
import type { BreakerState } from '../mailer/circuit-breaker.ts';
import { openMailerOf } from '../mailer/create-mailer.ts';
import type { FallbackMailer } from '../mailer/mailer.ts';
import { type Log, silentLog, systemClock } from '../ports/runtime.ts';
import { CertificateFiles } from './certificate-files.ts';
import { ClientLimits } from './client-limits.ts';
import { Networks } from './networks.ts';
import { type RelayObserver, silentRelayObserver } from './observer.ts';
import { MailReceiver } from './receive-mail.ts';
import { RelayServer } from './relay-server.ts';
import { type CompleteRelaySettings, parseRelaySettings, type RelaySettings, usersOf } from './settings.ts';
import { UserCheck } from './users.ts';

export interface SmtpRelayOptions {
  /** Logs what became of each mail, without addresses and content. @default none */
  readonly log?: Log | undefined;
  /** Counts. @default none */
  readonly observer?: RelayObserver | undefined;
  /** Called when the upstream server is found down, and when it is back. */
  readonly onSmtpState?: ((state: BreakerState) => void) | undefined;
}

/** The ports that a relay listens on. */
export interface RelayPorts {
  readonly port: number;
  readonly tlsPort?: number | undefined;
}

/** An SMTP server that answers 250 only when the upstream server or the fallback queue has the mail. */
export interface SmtpRelay {
  /** Listens; fails if a port is in use, or the certificate cannot be read. */
  start(): Promise<RelayPorts>;
  /** Accepts nothing more, finishes the mails in progress within the time, and closes. */
  drain(timeoutMs: number): Promise<void>;
  /** What prevents a hand-over now; empty if nothing does. */
  verifyFallback(): Promise<readonly FallbackFailure[]>;
  /** Undefined if there is no upstream server. */
  readonly smtpState: BreakerState | undefined;
  readonly isListening: boolean;
  /** Of the mails that are being received or passed on. */
  readonly bytesInMemory: number;
}

/**
 * A relay in front of a mail server (`upstream.host`), or behind one, in your own process.
 *
 * @throws {@link SettingsError} that lists every wrong setting
 */
export function createSmtpRelay(settings: RelaySettings, options: SmtpRelayOptions = {}): SmtpRelay {
  return openRelay(parseRelaySettings(settings), options);
}

export function openRelay(settings: CompleteRelaySettings, options: SmtpRelayOptions = {}): SmtpRelay {
  return new Relay(settings, options);
}

class Relay implements SmtpRelay {
  readonly #settings: CompleteRelaySettings;
  readonly #log: Log;
  readonly #observer: RelayObserver;
  readonly #mailer: FallbackMailer;
  readonly #limits: ClientLimits;
  readonly #users: UserCheck;
  readonly #receiver: MailReceiver;
  #servers: readonly RelayServer[] = [];
  #certificates: CertificateFiles | undefined;

  constructor(settings: CompleteRelaySettings, options: SmtpRelayOptions) {
    const { host, ...upstream } = settings.upstream;
    this.#settings = settings;
    this.#log = options.log ?? silentLog;
    this.#observer = options.observer ?? silentRelayObserver;
    this.#users = new UserCheck(usersOf(settings));
    this.#limits = new ClientLimits(settings, systemClock);
    this.#mailer = openMailerOf(
      {
        ...settings,
        smtp: host === undefined ? undefined : { ...upstream, host },
        // What the server may have taken goes to the fallback: the client would send it again, too.
        onUnknown: 'hand-over',
      },
      options,
    );
    this.#receiver = new MailReceiver({
      settings,
      name: nameOf(settings),
      mailer: this.#mailer,
      limits: this.#limits,
      observer: this.#observer,
      clock: systemClock,
      randomId: randomUUID,
    });
  }

  async start(): Promise<RelayPorts> {
    const { host, port, tlsPort } = this.#settings;
    this.#certificates = await this.#openCertificates();
    const plain = this.#server(false);
    const tls = tlsPort === undefined ? undefined : this.#server(true);
    this.#servers = [plain, ...(tls === undefined ? [] : [tls])];
    const ports = await Promise.all([
      listen(plain, port, host),
      tls === undefined ? undefined : listen(tls, tlsPort ?? 0, host),
    ]);
    this.#certificates?.start();
    return { port: ports[0], ...(ports[1] === undefined ? {} : { tlsPort: ports[1] }) };
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#certificates?.stop();
    await Promise.all(this.#servers.map((server) => server.drain(timeoutMs)));
    this.#servers = [];
    await this.#mailer.close();
  }

  verifyFallback(): Promise<readonly FallbackFailure[]> {
    return this.#mailer.verifyFallback();
  }

  get smtpState(): BreakerState | undefined {
    return this.#settings.upstream.host === undefined ? undefined : this.#mailer.smtpState;
  }

  get isListening(): boolean {
    return (
      this.#servers.length > 0 &&
      this.#servers.every(({ server, isDraining }) => server.listening && !isDraining)
    );
  }

  get bytesInMemory(): number {
    return this.#limits.bytesInMemory;
  }

  async #openCertificates(): Promise<CertificateFiles | undefined> {
    const { tlsCertFile: certFile, tlsKeyFile: keyFile } = this.#settings;
    if (certFile === undefined || keyFile === undefined) return undefined;
    return CertificateFiles.open({
      certFile,
      keyFile,
      log: this.#log,
      onChange: (certificate) => {
        for (const server of this.#servers) server.updateSecureContext({ ...certificate });
      },
    });
  }

  #server(implicitTls: boolean): RelayServer {
    const settings = this.#settings;
    return new RelayServer({
      settings,
      name: nameOf(settings),
      certificate: this.#certificates?.current,
      implicitTls,
      networks: new Networks(settings.networks),
      users: this.#users,
      limits: this.#limits,
      receiver: this.#receiver,
      observer: this.#observer,
      log: this.#log,
    });
  }
}

async function listen(server: RelayServer, port: number, host: string | undefined): Promise<number> {
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  await once(server.server, 'listening');
  return (server.server.address() as AddressInfo).port;
}

function nameOf({ name }: CompleteRelaySettings): string {
  return name ?? hostname();
}
