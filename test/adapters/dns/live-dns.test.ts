import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findZone, LiveDns } from '../../../lib/adapters/dns/live-dns.ts';
import {
  loopbackAddresses,
  type NameServerAddress,
  type RunningServer,
  startNameServer,
  startSilentServer,
} from '../../support/name-server.ts';
import { describeWithNameServer } from '../../support/name-server-ready.ts';

const ZONE = [
  '@ SOA ns1 host 42 300 300 300 300',
  '@ NS NS1',
  'ns1 A 127.0.0.1',
  'ns1 AAAA ::1',
  'mail MX 20 Backup.example.net.',
  'mail MX 10 mx',
  'mail TXT "one " "string"',
  'alias CNAME Child.example.net.',
  'apex CNAME example.test.',
];

let server: NameServerAddress;
let silent: NameServerAddress;
let closed: NameServerAddress;
let running: RunningServer[] = [];

const live = (signal = new AbortController().signal) =>
  new LiveDns({
    resolver: `${server.address}:${server.port}`,
    port: server.port,
    timeoutMs: 200,
    tries: 1,
    signal,
  });

async function start(): Promise<void> {
  const [first, second, third] = await loopbackAddresses(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three are needed');
  [server, silent, closed] = [first, second, third];
  running = [
    await startNameServer(server, {
      'example.test': ZONE,
      'sub.example.test': ['@ SOA ns1 host 7 300 300 300 300', '@ NS ns1.example.test.', '@ NS nowhere'],
    }),
    await startSilentServer(silent),
  ];
}

describeWithNameServer('the live DNS', () => {
  beforeAll(start);
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
  });

  describe('one server', () => {
    it.each([
      ['SOA', 'example.test', ['42']],
      ['NS', 'example.test', ['ns1.example.test']],
      ['A', 'ns1.example.test', ['127.0.0.1']],
      ['AAAA', 'ns1.example.test', ['::1']],
      ['MX', 'mail.example.test', ['10 mx.example.test', '20 backup.example.net']],
      ['TXT', 'mail.example.test', ['one string']],
      ['CNAME', 'alias.example.test', ['child.example.net']],
    ] as const)('responds for %s %s', async (type, name, values) => {
      expect(await live().serverAt([server.address]).ask(type, name)).toEqual({ kind: 'records', values });
    });

    it.each([
      ['a name that does not exist', 'TXT', 'nobody.example.test'],
      ['a name without such a record', 'TXT', 'ns1.example.test'],
    ] as const)('has no record for %s', async (_, type, name) => {
      expect(await live().serverAt([server.address]).ask(type, name)).toEqual({ kind: 'none' });
    });

    it.each([
      ['refused', 'a zone that it does not serve', () => server, 'example.org'],
      ['timeout', 'a host that never responds', () => silent, 'example.test'],
      ['unreachable', 'a closed port', () => closed, 'example.test'],
    ] as const)('fails with "%s" for %s', async (failure, _, target, zone) => {
      const response = await live().serverAt([target().address]).ask('SOA', zone);
      expect(response).toEqual({ kind: 'failed', failure });
    });

    it('stops with the signal', async () => {
      const stop = new AbortController();
      const dns = new LiveDns({ port: silent.port, timeoutMs: 5_000, tries: 1_000, signal: stop.signal });
      const response = dns.serverAt([silent.address]).ask('SOA', 'example.test');
      stop.abort(new Error('interrupted'));
      await expect(response).rejects.toThrow('interrupted');
    });
  });

  describe('the zone of a name', () => {
    it('is the closest enclosing zone, with the addresses of its servers', async () => {
      expect(await findZone(live().resolver, 'a.b.sub.example.test')).toEqual({
        kind: 'found',
        zone: 'sub.example.test',
        servers: [
          { host: 'nowhere.sub.example.test', addresses: [] },
          { host: 'ns1.example.test', addresses: ['127.0.0.1'] },
        ],
      });
    });

    it('can be the name itself', async () => {
      expect(await findZone(live().resolver, 'Example.test.')).toMatchObject({ zone: 'example.test' });
    });

    it('is not that of the target of an alias', async () => {
      expect(await findZone(live().resolver, 'apex.example.test')).toMatchObject({ zone: 'example.test' });
    });

    it('says why it cannot be found', async () => {
      expect(await findZone(live().resolver, 'example.org')).toEqual({ kind: 'failed', failure: 'refused' });
    });
  });
});
