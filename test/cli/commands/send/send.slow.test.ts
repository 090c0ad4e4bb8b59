import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalBackend, startLocalBackend } from '../../../../lib/emulators/backend.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../../lib/emulators/smtp/smtp-double.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { resourcesOf } from '../../../support/aws-account/deployed-resources.ts';
import { operatorEnvironment } from '../../../support/aws-account/operator-environment.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { dataOf, type MailctlRun, runMailctl } from '../../../support/run-mailctl.ts';

let account: AwsAccountDouble;
let backend: LocalBackend;
let smtp: SmtpDouble;

beforeAll(async () => {
  [backend, smtp] = await Promise.all([
    startLocalBackend({ eventWaitSeconds: { least: 1, default: 1, most: 2 }, feedbackWindowSeconds: 1 }),
    startSmtpDouble(),
  ]);
  account = await startAwsAccount({ account: deployedAccount({ resources: resourcesOf(backend.services) }) });
});

afterEach(async () => {
  const { ses } = backend.services;
  ses.account.sandbox = false;
  ses.clearFaults();
  ses.clearDisturbances();
  await smtp.behave();
});

afterAll(async () => {
  await backend.close();
  await Promise.all([account.close(), smtp.close()]);
});

function send(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<MailctlRun> {
  return runMailctl(['send', ...args], { ...operatorEnvironment(account, backend.services), ...env });
}

const smtpEnvironment = () => ({
  SMTP_HOST: smtp.host,
  SMTP_PORT: String(smtp.port),
  SMTP_TLS_CA: smtp.certificatePem,
});

const steps = (stdout: string): string[] =>
  dataOf(stdout).steps.map(({ what }: { readonly what: string }) => what);

describe('mailctl send', () => {
  it('sends all the way to the mailbox simulator, and prints each step with its time', async () => {
    const { code, stdout, stderr } = await send(['--json']);
    const result = dataOf(stdout);
    expect(result).toMatchObject({
      verdict: 'delivered',
      by: 'fallback',
      from: 'm***@keybuzz.io',
      to: 's***@simulator.amazonses.com',
    });
    expect(code).toBe(0);
    expect(steps(stdout)).toEqual([
      expect.stringMatching(/^handed over to the fallback queue \(SQS .+\)$/),
      'the resend Lambda offered it to SES',
      expect.stringMatching(/^SES took it as /),
      expect.stringMatching(/^delivered/),
    ]);
    const times = result.steps.map(({ afterMs }: { readonly afterMs: number }) => afterMs);
    expect(times).toEqual(times.toSorted((one: number, other: number) => one - other));
    expect(stderr).toMatch(/^ +\d+\.\d s {2}delivered/m);
    const [mail] = backend.services.ses.mails.filter(({ tags }) => tags.deliveryId?.includes(result.id));
    expect(mail?.recipients).toEqual(['success@simulator.amazonses.com']);
  });

  it('sends an urgent mail by the queue of urgent mail', async () => {
    const { code, stdout } = await send(['--json', '--urgent']);

    expect(code).toBe(0);
    expect(steps(stdout)[0]).toMatch(/^handed over to the queue of urgent mail \(SQS .+\)$/);
    expect(dataOf(stdout).verdict).toBe('delivered');
  });

  it('refuses an urgent mail by another route, which has no such queue', async () => {
    const { code, stderr } = await send(['--urgent', '--by', 'ses']);

    expect(code).toBe(2);
    expect(stderr).toContain('--urgent says nothing by ses');
  });

  it('fails on a bounce, and shows no full address', async () => {
    const { code, stdout, stderr } = await send(['--to', 'bounce+secret@simulator.amazonses.com']);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^failed: bounced \(Permanent/);
    expect(stdout).toMatch(/next: mailctl status mailctl-/);
    expect(stdout + stderr).not.toMatch(/bounce\+secret|mailctl@/);
  });

  it('sends nothing to a suppressed address, and says so', async () => {
    await send(['--to', 'bounce+again@simulator.amazonses.com']);
    const { mails } = backend.services.ses;
    const before = mails.length;
    const { code, stderr } = await send(['--to', 'bounce+again@simulator.amazonses.com']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/suppression list[\s\S]+fix: mailctl suppression rm/);
    expect(mails.length).toBe(before);
  });

  it('fails with the cause if the mail was dead-lettered', async () => {
    const { code, stdout } = await send(['--from', 'mailctl@elsewhere.example']);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^failed: parked: /);
    expect(stdout).toMatch(/next: mailctl dlq show mailctl-/);
  });

  it('does not know the status if SES publishes no event', async () => {
    backend.services.ses.disturbEvents({ effect: { kind: 'withhold' } });
    const { code, stdout } = await send(['--timeout', '5']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^open: not known after 5 s; the last that was seen: SES took it as /);
  });

  it('does not wait with --no-wait', async () => {
    const { code, stdout } = await send(['--no-wait', '--json']);
    expect(code).toBe(1);
    expect(dataOf(stdout)).toMatchObject({ verdict: 'open', detail: 'not waited for' });
    expect(steps(stdout)).toHaveLength(1);
  });
});

describe('mailctl send --by ses', () => {
  it('sends by one call, and learns of the delivery from the events', async () => {
    const { code, stdout } = await send(['--by', 'ses', '--json', '--from', 'alerts@keybuzz.io']);
    expect(code).toBe(0);
    const { id, verdict } = dataOf(stdout);
    expect(verdict).toBe('delivered');
    const mails = backend.services.ses.mails.filter(({ tags }) => tags.deliveryId?.includes(id));
    expect(mails).toMatchObject([{ api: 'v2' }]);
  });

  it('does not send twice if the response is lost', async () => {
    const { ses } = backend.services;
    const before = ses.mails.length;
    ses.fault({ effect: { kind: 'reset', accepted: true }, times: 3 });
    const { code, stdout } = await send(['--by', 'ses']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^open: SES gave no answer/);
    expect(ses.mails.length - before).toBe(1);
  });

  it('says what the sandbox rejects', async () => {
    backend.services.ses.account.sandbox = true;
    const { code, stdout } = await send(['--by', 'ses', '--to', 'marie@example.org']);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^failed: SES did not take it: MessageRejected/);
    expect(stdout).toContain('mailbox simulator');
    expect(stdout).not.toContain('marie@');
  });

  it('says what is denied', async () => {
    const effect = { kind: 'error', code: 'AccessDeniedException', message: 'no', status: 403 } as const;
    // A mail of an earlier test may come again and take a fault that is meant once.
    backend.services.ses.fault({ effect, times: Number.POSITIVE_INFINITY });
    const { code, stdout } = await send(['--by', 'ses']);
    expect(code).toBe(2);
    expect(stdout).toContain('ses:SendEmail');
  });
});

describe('mailctl send --by smtp', () => {
  it('is accepted by the mail server, without AWS', async () => {
    const { code, stdout } = await runMailctl(
      ['send', '--by', 'smtp', '--from', 'ops@keybuzz.io', '--to', 'marie@example.org'],
      smtpEnvironment(),
    );
    expect(stdout).toMatch(/^delivered: the server has queued it: 250/);
    expect(code).toBe(0);
    expect(smtp.mails.at(-1)?.to).toEqual(['marie@example.org']);
    expect(stdout).not.toMatch(/marie@|ops@/);
  });

  it('says why it was not accepted', async () => {
    await smtp.behave({ kind: 'refused' });
    const { code, stdout } = await send(['--by', 'smtp'], smtpEnvironment());
    expect(code).toBe(2);
    expect(stdout).toMatch(/^failed: SMTP did not take it: unreachable at connect, ECONNREFUSED/);
    expect(stdout).toContain('next: mailctl doctor --only smtp');
  });

  it('names the missing settings', async () => {
    const { code, stderr } = await send(['--by', 'smtp'], { SMTP_PORT: 'many' });
    expect(code).toBe(2);
    expect(stderr).toContain('SMTP_HOST');
    expect(stderr).toContain('SMTP_PORT');
    expect(stderr).not.toContain('QUEUE');
  });
});

describe('mailctl send --by relay', () => {
  it('says what the relay answered, without AWS', async () => {
    const { SMTP_TLS_CA } = smtpEnvironment();
    const address = `${smtp.host}:${smtp.port}`;
    const options = ['--by', 'relay', '--from', 'ops@keybuzz.io', '--to', 'marie@example.org'];

    const { code, stdout } = await runMailctl(['send', ...options, '--relay', address], { SMTP_TLS_CA });

    expect(stdout).toMatch(/^delivered: the server has queued it: 250/);
    expect(code).toBe(0);
    expect(await runMailctl(['send', ...options], { MAIL_RELAY: address, SMTP_TLS_CA })).toMatchObject({
      code: 0,
    });
  });

  it.each([undefined, 'a b', 'smtp-relay:0', 'smtp-relay:99999'])(
    'names the setting that is wrong: %s',
    async (relay) => {
      const { code, stderr } = await send(
        ['--by', 'relay'],
        relay === undefined ? {} : { MAIL_RELAY: relay },
      );
      expect(code).toBe(2);
      expect(stderr).toMatch(/--relay|MAIL_RELAY|host/);
    },
  );
});

describe('mailctl send, called wrongly', () => {
  it.each([
    [['--by', 'post']],
    [['--to', 'marie']],
    [['--from', 'a b@c']],
    [['--timeout', 'long']],
    [['extra']],
  ])('exits with 64 for %j', async (args) => {
    expect((await send(args)).code).toBe(64);
  });

  it('says what to do if nothing is deployed', async () => {
    const { code, stderr } = await send(['--project', 'none']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no stack none-mail-identity[\s\S]+fix: npm run deploy/);
  });
});
