import { describe, expect, it } from '@jest/globals';
import { LiveDns } from '../../../../lib/adapters/dns/live-dns.ts';
import { formatBind, formatTerraform, route53ChangeBatch } from '../../../../lib/cli/commands/dns.ts';
import {
  type NeededRecord,
  neededRecords,
  txtStrings,
} from '../../../../lib/cli/lookups/dns/needed-records.ts';
import { loopbackAddresses, startNameServer } from '../../../support/name-server.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { identityOutputs } from './needed-for.ts';
import { NS } from './zones.ts';

const LONG = `v=spf1 ${'include:a.example.org '.repeat(20)}exists:%{i}.b\\"c ~all`;

const stack = (outputs: Record<string, string>) => ({
  name: 'stack',
  status: 'CREATE_COMPLETE',
  isProtected: true,
  outputs,
});

const NEEDED: readonly NeededRecord[] = [
  ...neededRecords(stack(identityOutputs('good.test'))),
  { purpose: 'mail-from-spf', name: 'long.good.test', type: 'TXT', value: LONG },
];

describe('the outputs of the stack', () => {
  it('name no DKIM record of an identity that the stack does not own', () => {
    const outputs = Object.entries(identityOutputs('good.test')).filter(([name]) => !name.startsWith('Dkim'));
    const needed = neededRecords(stack(Object.fromEntries(outputs)));

    expect(needed.map(({ purpose }) => purpose)).toEqual(['mail-from-mx', 'mail-from-spf', 'dmarc']);
  });

  it('are told without quotes, last dots and capitals', () => {
    const outputs = {
      ...identityOutputs('good.test'),
      MailFromMxRecord: 'Bounce.good.test. MX 10 SES.amazonses.com.',
    };
    expect(neededRecords(stack(outputs))).toContainEqual({
      purpose: 'mail-from-mx',
      name: 'bounce.good.test',
      type: 'MX',
      value: '10 ses.amazonses.com',
    });
  });

  it.each(['', 'bounce.good.test', 'bounce.good.test A 192.0.2.1', 'bounce.good.test TXT "é"'])(
    'are rejected if one is "%s"',
    (output) => {
      const outputs = { ...identityOutputs('good.test'), MailFromMxRecord: output };
      expect(() => neededRecords(stack(outputs))).toThrow('MailFromMxRecord');
    },
  );
});

describe('a TXT value', () => {
  it('is split at 255 octets', () => {
    expect(txtStrings('x'.repeat(600)).map(({ length }) => length)).toEqual([255, 255, 90]);
    expect(txtStrings('x'.repeat(255))).toHaveLength(1);
    expect(txtStrings('')).toEqual(['']);
  });
});

describeWithNameServer('the BIND format', () => {
  it('is loaded by a name server as the same records', async () => {
    const [address] = await loopbackAddresses(1);
    if (address === undefined) throw new Error('one was asked for');
    const server = await startNameServer(address, { 'good.test': [...NS(address), formatBind(NEEDED)] });
    const dns = new LiveDns({ port: address.port, signal: new AbortController().signal });
    try {
      for (const { name, type, value } of NEEDED)
        expect(await dns.serverAt([address.address]).ask(type, name)).toEqual({
          kind: 'records',
          values: [value],
        });
    } finally {
      await server.stop();
    }
  });
});

describe('the Route 53 change batch', () => {
  const changes = route53ChangeBatch(NEEDED).Changes;

  it('overwrites only the CNAMEs, whose names SES generated', () => {
    for (const { Action, ResourceRecordSet } of changes)
      expect(Action).toBe(ResourceRecordSet.Type === 'CNAME' ? 'UPSERT' : 'CREATE');
  });

  it('has absolute names, and each TXT in quotes', () => {
    const values = Object.fromEntries(
      changes.map(({ ResourceRecordSet: { Name, Type, ResourceRecords } }) => [
        `${Name} ${Type}`,
        ResourceRecords,
      ]),
    );
    expect(values).toMatchObject({
      'one._domainkey.good.test. CNAME': [{ Value: 'one.dkim.amazonses.com.' }],
      'bounce.good.test. MX': [{ Value: '10 feedback-smtp.eu-west-1.amazonses.com.' }],
      'bounce.good.test. TXT': [{ Value: '"v=spf1 include:amazonses.com ~all"' }],
      'long.good.test. TXT': [{ Value: expect.stringMatching(/^".{255}" ".+"$/) }],
    });
  });
});

describe('the Terraform format', () => {
  const text = formatTerraform(NEEDED);

  it('names each resource differently', () => {
    const names = [...text.matchAll(/^resource "aws_route53_record" "(\w+)"/gm)].map(([, name]) => name);
    expect(names).toContain('mail_dkim_3');
    expect(new Set(names).size).toBe(NEEDED.length);
  });

  it('escapes Terraform templates, and splits long strings the way Terraform expects', () => {
    expect(text).toContain('exists:%%{i}.b');
    expect(text).not.toMatch(/[^%]%\{/);
    expect(text).toContain('\\"\\"');
    expect(text).toContain('records = ["v=spf1 include:amazonses.com ~all"]');
  });
});
