import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import {
  loopbackAddresses,
  type NameServerAddress,
  type RunningServer,
  startNameServer,
} from '../../../support/name-server.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { identityOutputs } from './needed-for.ts';
import { NS, recordsWith } from './zones.ts';

let aws: AwsAccountDouble;

beforeAll(async () => {
  aws = await startAwsAccount();
  for (const project of ['good', 'warned', 'broken']) deploy(project, identityOutputs(`${project}.test`));
});

afterAll(() => aws.close());

function deploy(project: string, outputs: Record<string, string>): void {
  const name = `${project}-mail-identity`;
  const createdAt = new Date();
  aws.account.stacks.set(name, { name, status: 'CREATE_COMPLETE', createdAt, outputs, resources: [] });
}

const dns = (...args: string[]) => runMailctl(['dns', ...args], aws.environment);

describe('mailctl dns', () => {
  it('prints what to enter', async () => {
    const { code, stdout } = await dns('--project', 'good');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ *one\._domainkey\.good\.test +CNAME +one\.dkim\.amazonses\.com /m);
    expect(stdout).toMatch(/^ *bounce\.good\.test +TXT +v=spf1 include:amazonses\.com ~all /m);
  });

  it('prints it as JSON', async () => {
    const { stdout } = await dns('--project', 'good', '--json');
    expect(dataOf(stdout)).toContainEqual({
      purpose: 'mail-from-mx',
      name: 'bounce.good.test',
      type: 'MX',
      value: '10 feedback-smtp.eu-west-1.amazonses.com',
    });
  });

  it.each(['bind', 'route53', 'terraform'])(
    'prints nothing but the %s text on standard output',
    async (format) => {
      const { code, stdout } = await dns('--project', 'good', '--format', format);
      expect(code).toBe(0);
      const beginning = { bind: 'one._domainkey.', route53: '{', terraform: 'variable "' }[format];
      expect(stdout.startsWith(beginning ?? '?')).toBe(true);
    },
  );

  it('says what to do if nothing is deployed', async () => {
    const { code, stderr } = await dns('--project', 'nothing');
    expect(code).toBe(2);
    expect(stderr).toContain('there is no stack nothing-mail-identity');
    expect(stderr).toMatch(/fix: .*npm run deploy/);
  });

  it('names the output that an older stack lacks', async () => {
    const { DmarcRecord, ...older } = identityOutputs('older.test');
    deploy('older', older);
    const { code, stderr } = await dns('--project', 'older');
    expect(code).toBe(2);
    expect(DmarcRecord).toBeDefined();
    expect(stderr).toContain('DmarcRecord');
  });

  it.each([
    [['--format', 'yaml']],
    [['--check', '--format', 'bind']],
    [['--check', '--resolver', 'dns.example:53']],
    [['--check', '--resolver', '127.0.0.1:70000']],
  ])('refuses %j as wrong usage', async (args) => {
    expect((await dns('--project', 'good', ...args)).code).toBe(64);
  });
});

describeWithNameServer('mailctl dns --check', () => {
  let server: NameServerAddress;
  let running: RunningServer;

  beforeAll(async () => {
    const [only] = await loopbackAddresses(1);
    if (only === undefined) throw new Error('one was asked for');
    server = only;
    running = await startNameServer(server, {
      'good.test': [...NS(server), ...recordsWith()],
      'warned.test': [...NS(server), ...recordsWith({ dmarc: [] })],
      'broken.test': [...NS(server), ...recordsWith({ mailFromSpf: [], mailFromMx: ['bounce MX 10 mx'] })],
    });
  });

  afterAll(() => running.stop());

  const check = (project: string, ...args: string[]) => {
    const { address, port } = server;
    const flags = ['--resolver', `${address}:${port}`, '--server-port', String(port)];
    return dns('--project', project, '--check', ...flags, ...args);
  };

  it.each([
    ['good', 0, []],
    [
      'warned',
      1,
      ['warn  _dmarc.warned.test TXT  missing (dmarc)', 'add _dmarc.warned.test TXT v=DMARC1; p=none;'],
    ],
    [
      'broken',
      2,
      ['collision (mail-from-mx)', 'choose another mailFromSubdomain', 'missing (mail-from-spf)'],
    ],
  ] as const)('for the %s zone exits with %i, and says why', async (project, code, expected) => {
    const run = await check(project);
    expect(run.code).toBe(code);
    for (const text of expected) expect(run.stdout).toContain(text);
    expect(run.stdout).toContain('SES by DKIM: yes');
  });

  it('prints it as JSON', async () => {
    const { stdout } = await check('broken', '--json');
    const { findings } = dataOf(stdout);
    expect(findings).toContainEqual(
      expect.objectContaining({ purpose: 'mail-from-mx', status: 'collision', found: ['10 mx.broken.test'] }),
    );
  });
});
