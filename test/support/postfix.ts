import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Postfix can only be started by root, and is a system package, not an npm one. */
export const canRunPostfix = process.getuid?.() === 0 && hasPostfix();

function hasPostfix(): boolean {
  try {
    execFileSync('postconf', ['-d', 'mail_version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface PostfixOptions {
  /** The port that it relays to. */
  readonly relayPort: number;
  /** Accepts and discards mail, for measurements. @default false */
  readonly discard?: boolean;
  /** Whether clients on this machine may relay. */
  readonly relay?: 'allowed' | 'denied';
  readonly messageSizeLimit?: number;
  /** More of its settings, which go before the others. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly certificate?: { readonly certificatePem: string; readonly keyPem: string };
}

export interface Postfix {
  readonly host: string;
  readonly port: number;
  stop(): void;
  start(): void;
  /** Stops it and deletes its folders. */
  remove(): void;
  log(): string;
  /** The mails in its queue. */
  queue(): { readonly queue_id: string; readonly recipients: readonly { readonly address: string }[] }[];
  /** Tries again what it has deferred. */
  flush(): void;
}

/** Starts a separate Postfix: its configuration, queue and port are not shared. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const directory = mkdtempSync(join(tmpdir(), 'postfix-'));
  // Its daemons run as another user and need access.
  chmodSync(directory, 0o755);
  const port = await freePort();
  configure(directory, port, options);
  const postfix = (command: string) => execFileSync('postfix', ['-c', directory, command], { stdio: 'pipe' });
  const stop = () => {
    try {
      postfix('stop');
    } catch {
      // It reports "not running" by an error.
    }
  };
  postfix('start');
  return {
    host: '127.0.0.1',
    port,
    stop,
    start: () => postfix('start'),
    remove: () => {
      stop();
      rmSync(directory, { recursive: true, force: true });
    },
    log: () => readFileSync(join(directory, 'postfix.log'), 'utf8'),
    queue: () =>
      execFileSync('postqueue', ['-c', directory, '-j'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    flush: () => void execFileSync('postqueue', ['-c', directory, '-f'], { stdio: 'pipe' }),
  };
}

/** For a server that cannot choose a free port itself; one that was just free will do. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

function configure(directory: string, port: number, options: PostfixOptions): void {
  const folder = (name: string) => {
    const path = join(directory, name);
    mkdirSync(path);
    return path;
  };
  const queue = folder('queue');
  const data = folder('data');
  chownSync(data, idOf('-u'), idOf('-g'));
  const settings = {
    compatibility_level: '3.6',
    queue_directory: queue,
    data_directory: data,
    maillog_file: join(directory, 'postfix.log'),
    maillog_file_prefixes: directory,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: 'mail-core.keybuzz.test',
    mydestination: '',
    alias_maps: '',
    local_recipient_maps: '',
    mynetworks: options.relay === 'denied' ? '192.0.2.0/24' : '127.0.0.0/8',
    smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
    relayhost: `[127.0.0.1]:${options.relayPort}`,
    ...(options.discard === true ? { default_transport: 'discard:', relayhost: '' } : {}),
    disable_dns_lookups: 'yes',
    message_size_limit: String(options.messageSizeLimit ?? 50_000_000),
    ...tlsSettings(directory, options.certificate),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(join(directory, 'main.cf'), lines.join(''));
  writeFileSync(join(directory, 'master.cf'), masterCf(port));
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postfix'], { encoding: 'utf8' }));
}

function tlsSettings(directory: string, certificate: PostfixOptions['certificate']): Record<string, string> {
  if (certificate === undefined) return { smtpd_tls_security_level: 'none' };
  const file = join(directory, 'certificate.pem');
  writeFileSync(file, `${certificate.keyPem}${certificate.certificatePem}`, { mode: 0o600 });
  return { smtpd_tls_security_level: 'may', smtpd_tls_chain_files: file };
}

/** The services of a plain Postfix, none of them in a chroot. */
function masterCf(port: number): string {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'showq unix n - n - - showq',
    'pickup unix n - n 60 1 pickup',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${services.join('\n')}\n`;
}
