import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { LiveDns } from '../../../../lib/adapters/dns/live-dns.ts';
import { checkDns } from '../../../../lib/cli/lookups/dns/check-dns.ts';
import type { DnsFinding } from '../../../../lib/cli/lookups/dns/findings.ts';
import { neededRecords } from '../../../../lib/cli/lookups/dns/needed-records.ts';
import {
  loopbackAddresses,
  type NameServerAddress,
  type RunningServer,
  startNameServer,
  startSilentServer,
  type Zones,
} from '../../../support/name-server.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { identityOutputs } from './needed-for.ts';
import { NS, recordsWith } from './zones.ts';

let addresses: NameServerAddress[];
let running: RunningServer[] = [];

const at = (index: number): NameServerAddress => {
  const address = addresses[index];
  if (address === undefined) throw new Error(`there is no server ${index}`);
  return address;
};

/**
 * Each zone is one set-up. The resolver serves them all; the other servers of a zone are in its NS records.
 */
function zonesOfResolver(): Zones {
  const alone = (...changes: Parameters<typeof recordsWith>) => [...NS(at(0)), ...recordsWith(...changes)];
  return {
    'good.test': alone(),
    'empty.test': NS(at(0)),
    'wrong.test': alone({
      dkim: [
        'one._domainkey CNAME one.dkim.amazonses.com.',
        'two._domainkey CNAME old.dkim.amazonses.com.',
        'three._domainkey.wrong.test CNAME three.dkim.amazonses.com.',
      ],
      mailFromMx: ['bounce MX 10 feedback-smtp.us-east-1.amazonses.com.'],
      mailFromSpf: ['bounce TXT "v=spf1 include:mail.example.org -all"'],
      dmarc: ['_dmarc TXT "v=dmarc1; p=none"'],
    }),
    'twice.test': alone({
      mailFromMx: [10, 20].map(
        (preference) => `bounce MX ${preference} feedback-smtp.eu-west-1.amazonses.com.`,
      ),
      mailFromSpf: [
        'bounce TXT "v=spf1 ip4:192.0.2.1 -all"',
        'bounce TXT "v=spf1 include:amazonses.com ~all"',
      ],
      dmarc: [
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@example.org"',
        '_dmarc TXT "v=DMARC1; p=none; rua=mailto:b@example.org"',
      ],
      domainSpf: ['@ TXT "v=spf1 mx -all"', '@ TXT "v=spf1 a -all"'],
    }),
    'alias.test': alone({
      mailFromMx: ['bounce CNAME web.alias.test.', 'web MX 10 web', 'web A 192.0.2.9'],
      mailFromSpf: [],
    }),
    'collision.test': alone({ mailFromMx: ['bounce MX 5 bounce', 'bounce A 192.0.2.25'] }),
    'wildcard.test': alone({
      mailFromMx: [],
      mailFromSpf: [],
      other: ['* MX 10 mx', '* A 192.0.2.80', '* TXT "v=spf1 -all"'],
    }),
    'vendor.test': vendorZone(),
    'vendor.good.test': [...NS(at(0)), '@ TXT "v=DMARC1; p=reject; aspf=s"'],
    'child.good.test': alone({ dmarc: [] }),
    'lame.test': [...NS(at(0), at(1)), ...recordsWith()],
    'child.parent.test': [...NS(at(0), at(1)), ...recordsWith()],
    'all-lame.test': [...NS(at(1)), ...recordsWith()],
    'slow.test': [...NS(at(0), at(2)), ...recordsWith()],
    'silent.test': [...NS(at(2)), ...recordsWith()],
    'apart.test': [...NS(at(0), at(1)), ...recordsWith()],
  };
}

/** Its server does not serve the zone that its CNAME points to. */
const vendorZone = () => [...NS(at(1)), ...recordsWith({ dmarc: ['_dmarc CNAME vendor.good.test.'] })];

/** A server that still serves only the parent zone, and returns a referral. */
const parentZone = () => [...NS(at(1)), 'child NS ns1.child', `ns1.child A ${at(0).address}`];

async function check(domain: string): Promise<DnsFinding[]> {
  const needed = neededRecords({
    name: 'stack',
    status: 'CREATE_COMPLETE',
    isProtected: true,
    outputs: identityOutputs(domain),
  });
  const { address, port } = at(0);
  const signal = new AbortController().signal;
  return checkDns(
    needed,
    new LiveDns({ resolver: `${address}:${port}`, port, timeoutMs: 200, tries: 1, signal }),
  );
}

const of = (findings: readonly DnsFinding[], purpose: DnsFinding['purpose']) =>
  findings.filter((finding) => finding.purpose === purpose);

const statuses = (findings: readonly DnsFinding[]) => findings.map(({ status }) => status);

describeWithNameServer('the records that are needed, against the live DNS', () => {
  beforeAll(async () => {
    addresses = await loopbackAddresses(3);
    running = [
      await startNameServer(at(0), zonesOfResolver()),
      await startNameServer(at(1), {
        'vendor.test': vendorZone(),
        'parent.test': parentZone(),
        'apart.test': [...NS(at(0), at(1)), ...recordsWith({ mailFromSpf: [] })],
      }),
      await startSilentServer(at(2)),
    ];
  });

  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
  });

  it('finds nothing wrong in a good zone', async () => {
    const findings = await check('good.test');
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(of(findings, 'domain-spf')[0]?.notes).toEqual([expect.stringContaining('no change for SES')]);
  });

  it('reports what is missing, and fails for all but DMARC', async () => {
    const findings = await check('empty.test');
    const missing = findings.filter(({ status }) => status === 'missing');
    expect(missing.map(({ purpose, level }) => [purpose, level])).toEqual([
      ['dkim', 'fail'],
      ['dkim', 'fail'],
      ['dkim', 'fail'],
      ['mail-from-mx', 'fail'],
      ['mail-from-spf', 'fail'],
      ['dmarc', 'warn'],
      ['domain-spf', 'warn'],
    ]);
    expect(missing[3]?.fix).toContain('add bounce.empty.test MX 10 feedback-smtp.eu-west-1.amazonses.com');
    expect(of(findings, 'dmarc')[0]?.alignment?.map(({ aligned }) => aligned)).toEqual([
      'no',
      'no',
      'no',
      'unknown',
    ]);
  });

  it('shows the wrong record and the expected one', async () => {
    const findings = await check('wrong.test');
    expect(statuses(of(findings, 'dkim'))).toEqual(['ok', 'wrong', 'missing']);
    expect(of(findings, 'dkim')[1]).toMatchObject({
      found: ['old.dkim.amazonses.com'],
      wanted: 'two.dkim.amazonses.com',
    });
    expect(of(findings, 'dkim')[2]?.notes).toEqual([expect.stringContaining('the name of the zone twice')]);
    expect(of(findings, 'mail-from-mx')[0]).toMatchObject({ status: 'wrong', level: 'fail' });
    expect(of(findings, 'mail-from-spf')[0]).toMatchObject({
      status: 'wrong',
      proposal: 'v=spf1 include:mail.example.org include:amazonses.com -all',
    });
    expect(of(findings, 'dmarc')[0]).toMatchObject({ status: 'wrong', found: ['v=dmarc1; p=none'] });
  });

  it('requires exactly one MX', async () => {
    expect(of(await check('twice.test'), 'mail-from-mx')[0]).toMatchObject({
      status: 'wrong',
      level: 'fail',
    });
  });

  it('proposes one record for two', async () => {
    const findings = await check('twice.test');
    expect(of(findings, 'mail-from-spf')[0]).toMatchObject({
      status: 'duplicate',
      proposal: 'v=spf1 ip4:192.0.2.1 include:amazonses.com ~all',
    });
    expect(of(findings, 'dmarc')[0]).toMatchObject({
      status: 'duplicate',
      proposal: 'v=DMARC1; p=none; rua=mailto:b@example.org,mailto:a@example.org;',
    });
    expect(of(findings, 'domain-spf')[0]).toMatchObject({ status: 'duplicate', level: 'fail' });
  });

  it('detects a CNAME in place of the MX', async () => {
    const findings = await check('alias.test');
    for (const purpose of ['mail-from-mx', 'mail-from-spf'] as const)
      expect(of(findings, purpose)[0]).toMatchObject({ status: 'wrong', found: ['CNAME web.alias.test'] });
    expect(statuses(of(findings, 'mail-from-host'))).toEqual(['ok', 'ok']);
  });

  it('fails for a MAIL FROM domain that is a host of its own', async () => {
    const findings = await check('collision.test');
    const [mx] = of(findings, 'mail-from-mx');
    expect(mx).toMatchObject({ status: 'collision', level: 'fail', found: ['5 bounce.collision.test'] });
    expect(mx?.fix).toContain('choose another mailFromSubdomain');
    expect(of(findings, 'mail-from-host').map(({ type, status }) => [type, status])).toEqual([
      ['A', 'collision'],
      ['AAAA', 'ok'],
    ]);
  });

  it('does not count a wildcard response as a record of the MAIL FROM domain', async () => {
    const findings = await check('wildcard.test');
    expect(statuses(of(findings, 'mail-from-host'))).toEqual(['ok', 'ok']);
    expect(of(findings, 'mail-from-mx')[0]?.status).toBe('missing');
    expect(of(findings, 'mail-from-spf')[0]?.status).toBe('missing');
  });

  it('follows the CNAME of a DMARC record, and judges its target', async () => {
    const [dmarc] = of(await check('vendor.test'), 'dmarc');
    expect(dmarc).toMatchObject({ status: 'ok', found: ['v=DMARC1; p=reject; aspf=s'] });
    expect(dmarc?.notes.join()).toContain('vendor.good.test');
    expect(dmarc?.alignment?.slice(0, 2)).toMatchObject([
      { way: 'SES', by: 'DKIM', aligned: 'yes' },
      { way: 'SES', by: 'SPF', aligned: 'no' },
    ]);
  });

  it('finds the DMARC record that applies to a subdomain', async () => {
    const [dmarc] = of(await check('child.good.test'), 'dmarc');
    expect(dmarc).toMatchObject({ status: 'ok', found: [expect.stringContaining('p=quarantine')] });
    expect(dmarc?.notes).toEqual([expect.stringContaining('that of good.test, with the policy "reject"')]);
  });

  it.each([
    ['lame', 'lame.test', 'refuses to answer'],
    ['referring', 'child.parent.test', 'does not serve child.parent.test'],
    ['silent', 'slow.test', 'gave no answer in time'],
  ])('warns of a %s server next to a good one', async (_, domain, says) => {
    const findings = await check(domain);
    expect(new Set(statuses(findings))).toEqual(new Set(['ok']));
    for (const { level, servers } of findings) {
      expect(level).toBe('warn');
      expect(servers).toEqual([{ host: `ns2.${domain}`, says: expect.stringContaining(says) }]);
    }
  });

  it.each(['all-lame.test', 'silent.test'])('fails if no server responds: %s', async (domain) => {
    const findings = await check(domain);
    expect(new Set(statuses(findings))).toEqual(new Set(['unreachable']));
    expect(new Set(findings.map(({ level }) => level))).toEqual(new Set(['fail']));
    const alignment = of(findings, 'dmarc')[0]?.alignment ?? [];
    expect(alignment.map(({ aligned }) => aligned)).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
    const { address, port } = at(0);
    for (const { fix } of findings) expect(fix).toContain(`${address}:${port}`);
  });

  it('names the servers that disagree', async () => {
    const findings = await check('apart.test');
    expect(of(findings, 'mail-from-spf')[0]).toMatchObject({
      status: 'missing',
      level: 'fail',
      servers: [
        { host: 'ns1.apart.test', says: 'ok: v=spf1 include:amazonses.com ~all' },
        { host: 'ns2.apart.test', says: 'missing' },
      ],
    });
    expect(of(findings, 'mail-from-mx')[0]).toMatchObject({ level: 'ok', servers: [] });
  });

  it('says that the resolver does not resolve the domain', async () => {
    const [finding] = await check('elsewhere.example');
    expect(finding).toMatchObject({ status: 'unreachable', notes: ['the resolver refuses to answer'] });
  });
});
