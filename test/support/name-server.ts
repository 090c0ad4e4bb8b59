import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const NSD = 'nsd';

/** NSD, an authoritative name server, is a system package, not an npm one. */
export const canRunNameServer = hasNsd();

function hasNsd(): boolean {
  try {
    execFileSync(NSD, ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The lines of each zone's file, by the zone's name; names in them are relative to it. */
export type Zones = Readonly<Record<string, readonly string[]>>;

export interface NameServerAddress {
  readonly address: string;
  readonly port: number;
}

export interface RunningServer {
  stop(): Promise<void>;
}

/**
 * A few addresses of the loopback network with a port that was free on all of them, so that the servers of a zone
 * differ only by their address, like in the real DNS.
 */
export async function loopbackAddresses(count: number): Promise<NameServerAddress[]> {
  const network = `127.${randomOctet()}.${randomOctet()}`;
  const addresses = Array.from({ length: count }, (_, index) => `${network}.${index + 1}`);
  const socket = createSocket('udp4').bind(0, addresses[0]);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return addresses.map((address) => ({ address, port }));
}

const randomOctet = () => 1 + Math.floor(Math.random() * 250);

/** Starts an NSD that serves these zones, and refuses all others. */
export async function startNameServer(
  { address, port }: NameServerAddress,
  zones: Zones,
): Promise<RunningServer> {
  const directory = mkdtempSync(join(tmpdir(), 'nsd-'));
  for (const [zone, lines] of Object.entries(zones)) {
    writeFileSync(join(directory, zone), `$ORIGIN ${zone}.\n$TTL 60\n${lines.join('\n')}\n`);
  }
  const configuration = join(directory, 'nsd.conf');
  writeFileSync(configuration, configurationFor(directory, `${address}@${port}`, Object.keys(zones)));
  const server = spawn(NSD, ['-d', '-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = once(server, 'exit');
  await started(server.stderr);
  return {
    stop: async () => {
      server.kill();
      await exit;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A host that receives every query and responds to none. */
export async function startSilentServer({ address, port }: NameServerAddress): Promise<RunningServer> {
  const socket = createSocket('udp4').bind(port, address);
  await once(socket, 'listening');
  return {
    stop: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** Without a user to change to and a chroot, it does not need root. */
function configurationFor(directory: string, address: string, zones: readonly string[]): string {
  const file = (name: string) => `"${join(directory, name)}"`;
  return `
server:
  ip-address: ${address}
  username: ""
  chroot: ""
  zonesdir: "${directory}"
  database: ""
  pidfile: ${file('nsd.pid')}
  xfrdfile: ${file('xfrd.state')}
  xfrdir: "${directory}"
  zonelistfile: ${file('zone.list')}
  cookie-secret-file: ${file('cookies')}
  server-count: 1
remote-control:
  control-enable: no
${zones.map((zone) => `zone:\n  name: "${zone}"\n  zonefile: "${zone}"\n`).join('')}`;
}

/** @throws {Error} with its output, if it ends instead; an unreadable zone does not end it */
async function started(errors: NodeJS.ReadableStream): Promise<void> {
  const output: string[] = [];
  for await (const line of createInterface({ input: errors })) {
    output.push(line);
    if (/error/i.test(line)) break;
    if (line.includes('nsd started')) {
      errors.resume();
      return;
    }
  }
  throw new Error(`NSD did not start:\n${output.join('\n')}`);
}
