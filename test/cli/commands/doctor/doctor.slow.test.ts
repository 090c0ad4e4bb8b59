import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { issueCertificates } from '../../../../lib/emulators/smtp/certificates.ts';
import { createSmtpRelay } from '../../../../lib/relay/create-relay.ts';
import {
  loopbackAddresses,
  type NameServerAddress,
  type RunningServer,
  startNameServer,
} from '../../../support/name-server.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { canRunPostfix, startPostfix } from '../../../support/postfix.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';
import { BROKEN_SET_UPS, type BrokenSetUp, remember } from './broken-set-ups.ts';
import { type DoctorBench, type DoctorQueues, startDoctorBench, startDoctorQueues } from './doctor-bench.ts';
import { doctorZones } from './doctor-zones.ts';

interface Checked {
  readonly status: string;
  readonly detail: string;
  readonly fix?: string;
}

/** A probe sends no mail. */
const UNUSED_QUEUE = 'https://sqs.eu-west-1.amazonaws.com/1/fallback';

let queues: DoctorQueues;
let bench: DoctorBench;

beforeAll(async () => {
  queues = await startDoctorQueues();
});

afterEach(async () => {
  for (const { url } of [queues.aws.deadLetters, queues.aws.held]) {
    await queues.aws.sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
  }
  await remember(queues, {});
  await bench.close();
});

afterAll(() => Promise.all([queues.aws.close(), queues.dynamoDb.close()]));

async function examine(args: readonly string[] = []) {
  const { code, stdout, stderr } = await runMailctl(['--json', 'doctor', ...args, ...bench.args], bench.env);
  const { checks }: { checks: (Checked & { group: string; name: string })[] } = dataOf(stdout);
  const byName = Object.fromEntries(checks.map((check) => [`${check.group} ${check.name}`, check]));
  return { code, checks: byName, stderr };
}

/** The database of the API and a relay are not part of this set-up. */
const NOT_GIVEN = ['fallback senders', 'relay host'];

const namesOf = (checks: Readonly<Record<string, Checked>>, ...statuses: readonly string[]) =>
  Object.keys(checks)
    .filter((name) => statuses.includes(checks[name]?.status ?? ''))
    .sort();

async function examineBroken(setUp: BrokenSetUp, args: readonly string[]): Promise<void> {
  bench = await startDoctorBench(queues, setUp.domain ?? 'good.test');
  await setUp.break(bench);
  const { code, checks } = await examine(args);
  expect(namesOf(checks, 'warn', 'fail')).toEqual(Object.keys(setUp.amiss).sort());
  for (const [name, [status, fix]] of Object.entries(setUp.amiss)) {
    expect(checks[name]).toMatchObject({ status, fix: expect.stringContaining(fix) });
  }
  const isSkipped = namesOf(checks, 'skipped').filter(
    (name) => !name.startsWith('dns ') && !NOT_GIVEN.includes(name),
  );
  expect(isSkipped).toEqual([...(setUp.skipped ?? [])].sort());
  expect(code).toBe(Object.values(setUp.amiss).some(([status]) => status === 'fail') ? 2 : 1);
}

describe('mailctl doctor', () => {
  it.each(BROKEN_SET_UPS.filter(({ domain }) => domain === undefined))(
    'names the fix, and affects no other check, if $what',
    (setUp) => examineBroken(setUp, ['--skip', 'dns']),
  );

  it('finds nothing wrong in a healthy set-up without DNS', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const { code, checks } = await examine(['--skip', 'dns']);
    expect(namesOf(checks, 'warn', 'fail', 'skipped')).toEqual(NOT_GIVEN);
    expect(code).toBe(0);
    // Look-ups that many checks need are made once.
    expect(bench.double.callsOf({ service: 'cloudformation' })).toBe(4);
    expect(bench.double.callsOf({ action: 'DescribeAlarms' })).toBe(1);
    expect(bench.ses.calls.map(({ operation }) => operation).sort()).toEqual([
      'GetAccount',
      'GetConfigurationSet',
      'GetConfigurationSetEventDestinations',
      'GetEmailIdentity',
    ]);
  });

  it('skips what is not configured, and still exits with 0', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    bench.args.length = 0;
    Object.assign(bench.env, { VAULT_ADDR: undefined, SMTP_HOST: undefined });
    const { code, checks } = await examine(['--skip', 'dns']);
    expect(namesOf(checks, 'skipped')).toEqual([
      ...NOT_GIVEN,
      'secrets kubernetes',
      'secrets vault',
      'smtp certificate',
      'smtp host',
      'smtp starttls',
    ]);
    expect(checks['secrets vault']?.detail).toContain('VAULT_ADDR');
    expect(code).toBe(0);
  });

  it('runs the chosen groups, and makes no other calls to AWS', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const { checks } = await examine(['--only', 'smtp,key', '--skip', 'key']);
    expect(Object.keys(checks)).toEqual(['smtp host', 'smtp starttls', 'smtp certificate']);
    expect(bench.double.calls).toEqual([]);
  });

  it('reports while it runs which checks are pending', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    bench.double.fault({ fault: { kind: 'silence' }, on: { service: 'iam' } });
    const { stderr } = await examine(['--only', 'key,smtp', '--timeout', '3']);
    expect(stderr).toContain('Still checking: key access-key\n');
  });

  it('prints a table, the fixes below it, and no secret', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    bench.ses.account.sandbox = true;
    const { stdout } = await runMailctl(['doctor', '--skip', 'dns', ...bench.args], bench.env);
    expect(stdout).toMatch(/^warn +sending +production +in the sandbox/m);
    expect(stdout).toMatch(
      /^1 thing to do:\n {2}1\. mailctl production-access\n {5}for sending production$/m,
    );
    expect(stdout).toContain('1 warn, 0 fail, 2 skipped');
    for (const { value } of bench.account.secrets.values()) {
      const { AWS_SES_ACCESS_KEY, AWS_SES_SECRET_KEY } = JSON.parse(value ?? '{}');
      expect(stdout).not.toContain(AWS_SES_ACCESS_KEY);
      expect(stdout).not.toContain(AWS_SES_SECRET_KEY);
    }
  });

  (canRunPostfix ? it : it.skip)('detects the self-signed certificate of a real Postfix', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const certificate = (await issueCertificates(new Date())).valid;
    const postfix = await startPostfix({ relayPort: 9, certificate });
    bench.env.SMTP_TLS_CA = undefined;
    try {
      const { code, checks } = await examine([
        '--only',
        'smtp',
        '--smtp-host',
        postfix.host,
        '--smtp-port',
        String(postfix.port),
      ]);
      expect(namesOf(checks, 'ok')).toEqual(['smtp host', 'smtp starttls']);
      expect(checks['smtp certificate']).toMatchObject({
        status: 'fail',
        detail: expect.stringContaining('self-signed'),
      });
      expect(code).toBe(2);
    } finally {
      postfix.remove();
    }
  });

  it('probes the relay that it is given, and finds one that is not there', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const fallback = { queueUrl: UNUSED_QUEUE, payloadBucket: 'payloads', domain: 'keybuzz.io' };
    const relay = createSmtpRelay({ host: '127.0.0.1', port: 0, fallback });
    const { port } = await relay.start();
    const only = ['--only', 'relay', '--relay', `127.0.0.1:${port}`];
    const there = await examine(only);
    await relay.drain(500);
    const gone = await examine(only);

    expect(there.checks['relay host']).toMatchObject({ status: 'ok' });
    expect(there.code).toBe(0);
    expect(gone.checks['relay host']).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
    expect(gone.code).toBe(2);
  });

  it('rejects an unknown group', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const { code, stderr } = await runMailctl(['doctor', '--only', 'weather'], bench.env);
    expect(code).toBe(64);
    expect(stderr).toContain('The groups are account, stacks,');
  });
});

describeWithNameServer('mailctl doctor, with the DNS', () => {
  let address: NameServerAddress;
  let server: RunningServer;

  beforeAll(async () => {
    [address] = (await loopbackAddresses(1)) as [NameServerAddress];
    server = await startNameServer(address, doctorZones(address));
  });

  afterAll(() => server.stop());

  const atServer = () => [
    '--resolver',
    `${address.address}:${address.port}`,
    '--server-port',
    String(address.port),
  ];

  it('finds nothing wrong in a healthy set-up', async () => {
    bench = await startDoctorBench(queues, 'good.test');
    const { code, checks } = await examine(atServer());
    expect(namesOf(checks, 'warn', 'fail', 'skipped')).toEqual(NOT_GIVEN);
    expect(code).toBe(0);
  });

  it.each(BROKEN_SET_UPS.filter(({ domain }) => domain !== undefined))(
    'names the fix, and affects no other check, if $what',
    (setUp) => examineBroken(setUp, atServer()),
  );
});
