import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResolveHost } from '../../../lib/adapters/smtp/host-connector.ts';
import { HostConnector } from '../../../lib/adapters/smtp/host-connector.ts';
import { probeSmtp } from '../../../lib/adapters/smtp/probe-smtp.ts';
import { SmtpPoolRoute } from '../../../lib/adapters/smtp/smtp-pool-route.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { aDelivery } from '../../support/a-delivery.ts';
import { openSecondAddress, openSilentAddress } from '../../support/loopback-peers.ts';
import { smtpSettingsFor } from '../../support/smtp-settings-for.ts';

const OTHER = '127.0.0.2';
const never = new AbortController().signal;

let double: SmtpDouble;
const atEnd: (() => unknown)[] = [];

beforeEach(async () => {
  double = await startSmtpDouble();
});

afterEach(async () => {
  for (const end of atEnd.splice(0)) await end();
  await double.close();
});

/** The name of the double's certificate, under addresses that a test may change. */
function aName(...addresses: string[]) {
  const name = { addresses, lookups: 0 };
  const resolve: ResolveHost = async () => {
    name.lookups += 1;
    return [...name.addresses];
  };
  return Object.assign(name, { resolve });
}

function aRoute(resolve?: ResolveHost, now = () => new Date()): SmtpPoolRoute {
  const settings = { ...smtpSettingsFor(double), host: 'localhost' };
  const route = new SmtpPoolRoute(settings, { resolve, clock: { now } });
  atEnd.push(() => route.close());
  return route;
}

async function silence(address: string): Promise<void> {
  const silent = await openSilentAddress(address, double.port);
  atEnd.push(() => silent.close());
}

const probeOf = (resolve?: ResolveHost) =>
  probeSmtp(
    {
      host: 'localhost',
      port: double.port,
      implicitTls: false,
      ca: double.certificatePem,
      timeoutMs: 10_000,
    },
    never,
    { resolve },
  );

describe('a mail server whose name moves to another address', () => {
  it('gets the next mail there, if the old address is gone', async () => {
    const old = await openSecondAddress(OTHER, double.port);
    atEnd.push(() => old.close());
    const name = aName(OTHER);
    const route = aRoute(name.resolve);
    expect((await route.send(aDelivery())).kind).toBe('taken');
    expect(old.connections).toBe(1);

    name.addresses = ['127.0.0.1'];
    await old.close();

    expect((await route.send(aDelivery())).kind).toBe('taken');
    expect(double.mails.map(({ secure }) => secure)).toEqual([true, true]);
  });

  it('gets new connections there after seconds, if the old address still answers', async () => {
    const old = await openSecondAddress(OTHER, double.port);
    atEnd.push(() => old.close());
    const name = aName(OTHER);
    let now = 0;
    const route = aRoute(name.resolve, () => new Date(now));
    await route.verify();
    await route.verify();
    expect([old.connections, name.lookups]).toEqual([2, 1]);

    name.addresses = ['127.0.0.1'];
    now = 5_000;
    await route.verify();

    expect([old.connections, double.connections]).toEqual([2, 3]);
  });
});

describe.each([
  ['the worker', async (resolve?: ResolveHost) => (await aRoute(resolve).verify()) ?? 'connected'],
  [
    'the probe',
    async (resolve?: ResolveHost) => {
      const seen = await probeOf(resolve);
      return seen.kind === 'tls' && seen.certificate.fitsHost ? 'connected' : seen;
    },
  ],
] as const)('%s', (_who, connectBy) => {
  it('connects to the next address if one refuses', async () => {
    expect(await connectBy(aName(OTHER, '::1', '127.0.0.1').resolve)).toBe('connected');
  });

  it('connects to the next address if one does not answer', async () => {
    await silence(OTHER);

    expect(await connectBy(aName(OTHER, '127.0.0.1').resolve)).toBe('connected');
  });

  it('resolves a name as the system does, so that /etc/hosts counts', async () => {
    expect(await connectBy()).toBe('connected');
  });

  it('names the code if no address answers', async () => {
    expect(await connectBy(aName(OTHER, '127.0.0.3').resolve)).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('names the code if the name does not exist', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));

    expect(await connectBy(resolve)).toMatchObject({ code: 'ENOTFOUND' });
  });
});

describe('a connector', () => {
  const target = () => ({ host: 'localhost', port: double.port });

  it('asks once for all connections that are opened at the same time', async () => {
    const name = aName('127.0.0.1');
    const connector = new HostConnector(target(), { resolve: name.resolve });

    const sockets = await Promise.all(Array.from({ length: 20 }, () => connector.connect(never)));
    for (const socket of sockets) socket.destroy();

    expect(name.lookups).toBe(1);
  });

  it('does not wait for a resolver that hangs', async () => {
    const connector = new HostConnector(target(), { resolve: () => new Promise(() => {}) });

    await expect(connector.connect(AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('does not wait for an address that does not answer', async () => {
    await silence(OTHER);
    const connector = new HostConnector(target(), aName(OTHER));

    await expect(connector.connect(AbortSignal.timeout(50))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });
});
