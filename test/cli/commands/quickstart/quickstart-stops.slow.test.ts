import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SesDouble, startSesDouble } from '../../../../lib/emulators/ses/ses-double.ts';
import { synthesise } from '../../../infra/synthesise.ts';
import { deployIdentity } from '../../../support/aws-account/deploy-identity.ts';
import { deployMonitoring } from '../../../support/aws-account/deploy-monitoring.ts';
import { deployPipeline } from '../../../support/aws-account/deploy-pipeline.ts';
import { deployedAccount } from '../../../support/aws-account/deployed-account.ts';
import { leftByRollback, rollBack } from '../../../support/aws-account/roll-back.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { enterProject } from '../../../support/enter-project.ts';
import { loopbackAddresses, type RunningServer, startNameServer } from '../../../support/name-server.ts';
import { describeWithNameServer } from '../../../support/name-server-ready.ts';
import { runMailctl } from '../../../support/run-mailctl.ts';
import { NS } from '../dns/zones.ts';
import { type CdkStandIn, startCdkStandIn } from './cdk-stand-in.ts';

const PIPELINE = 'keybuzz-mail-pipeline-dev';
const LATER = ['secrets', 'doctor', 'first-mail'].flatMap((step) => ['--skip', step]);

let account: AwsAccountDouble;
let ses: SesDouble;
let cdk: CdkStandIn;
let deploy: () => Promise<void>;
let leaveProject: () => Promise<void>;

beforeEach(async () => {
  leaveProject = await enterProject();
  deploy = () => Promise.reject(new Error('no bucket to put it in'));
  ses = await startSesDouble({ sandbox: true });
  account = await startAwsAccount({ account: deployedAccount({ ses: ses.account }) });
  cdk = await startCdkStandIn(async ([command]) => {
    if (command === 'deploy') await deploy();
  });
});

afterEach(() => Promise.all([account.close(), ses.close(), cdk.close(), leaveProject()]));

const quickstart = (...args: string[]) =>
  runMailctl(
    // Nobody is there to be asked.
    ['quickstart', '--cdk', cdk.command, '--resolver', '127.0.0.1:1', '--server-port', '1', ...args],
    { ...account.environment, AWS_ENDPOINT_URL_SESV2: ses.url },
  );

function setStatus(stack: string, status: string): void {
  const found = account.account.stacks.get(stack);
  if (found === undefined) throw new Error(`there is no ${stack}`);
  found.status = status;
}

function verify(status: 'SUCCESS' | 'FAILED' = 'SUCCESS'): void {
  const identity = ses.account.identities.get('keybuzz.io');
  if (identity === undefined) throw new Error('there is no identity');
  identity.status = status;
  identity.mailFrom = { domain: 'bounce.keybuzz.io', status: 'SUCCESS' };
}

/** Its user, too, who would be in the way. */
function removePipeline(): void {
  account.account.stacks.delete(PIPELINE);
  account.account.users.delete('keybuzz-ses-dev');
}

describe('mailctl quickstart after a first deploy that failed', () => {
  const PROD = 'keybuzz-mail-pipeline-prod';

  it('names the way out, and then deploys: nothing of the failed create is left', async () => {
    const templates = synthesise({ stage: 'prod' });
    removePipeline();
    account.account.stacks.delete('keybuzz-mail-identity');
    ses.account.identities.clear();
    const inProd = (...args: string[]) => quickstart('--stage', 'prod', '--yes', ...args);

    // The event destination cannot be created: CloudFormation rolls back what it has made, as the templates say.
    deploy = async () => {
      deployIdentity(account.account, { ses: ses.account });
      deployPipeline(account.account, { stage: 'prod', ses: ses.account });
      rollBack(account.account, PROD, templates.pipeline);
      throw new Error('ConfigurationSetEventDestination: could not publish to the topic');
    };
    expect((await inProd()).stderr).toContain('could not publish to the topic');

    const stuck = await inProd();
    expect(stuck.code).toBe(1);
    const fixes = [...stuck.stdout.matchAll(/^ {2}- aws cloudformation (.+) --region/gm)].map(
      ([, fix]) => fix,
    );
    expect(fixes).toEqual([
      `update-termination-protection --no-enable-termination-protection --stack-name ${PROD}`,
      `delete-stack --stack-name ${PROD}`,
      `wait stack-delete-complete --stack-name ${PROD}`,
    ]);

    // The operator pastes the three.
    account.account.stacks.delete(PROD);
    deploy = async () => {
      deployPipeline(account.account, { stage: 'prod', ses: ses.account });
      deployMonitoring(account.account, { stage: 'prod' });
    };
    const { stdout } = await inProd('--wait', '0.01');
    expect(stdout).toMatch(/^done +deploy /m);
  });

  it('would find a table that is retained on a rollback in the way', () => {
    const template = structuredClone(synthesise({ stage: 'prod' }).pipeline.toJSON());
    template.Resources.LedgerTable.DeletionPolicy = 'Retain';

    expect(leftByRollback(template)).toEqual(['LedgerTable']);
    expect(leftByRollback(synthesise({ stage: 'prod' }).pipeline.toJSON())).toEqual([]);
    expect(leftByRollback(synthesise({ stage: 'prod' }).identity.toJSON())).toEqual([]);
  });
});

describe('mailctl quickstart stops', () => {
  it('where CloudFormation is at work, and runs nothing', async () => {
    setStatus(PIPELINE, 'UPDATE_IN_PROGRESS');
    const { code, stdout } = await quickstart('--yes');
    expect([code, cdk.runs]).toEqual([1, []]);
    expect(stdout).toMatch(/^stopped +deploy +keybuzz-mail-pipeline-dev is UPDATE_IN_PROGRESS$/m);
    expect(stdout).toContain('- wait until CloudFormation is done');
  });

  it('where a stack has to be deleted first, and runs nothing', async () => {
    setStatus(PIPELINE, 'ROLLBACK_COMPLETE');
    const { code, stdout } = await quickstart('--yes');
    expect([code, cdk.runs]).toEqual([1, []]);
    expect(stdout).toContain(`- aws cloudformation delete-stack --stack-name ${PIPELINE} --region eu-west-1`);
    expect(stdout).not.toContain('termination-protection');
  });

  it('where SES has the domain already, and names the setting that uses it', async () => {
    account.account.stacks.delete('keybuzz-mail-identity');
    const { code, stdout } = await quickstart('--yes');
    expect([code, cdk.runs]).toEqual([1, []]);
    expect(stdout).toContain('SES has keybuzz.io already: set "existingIdentity": true in cdk.json');
    expect(stdout).toMatch(/or take it over: .+ import keybuzz-mail-identity$/m);
  });

  it('not where it may not look for what exists: CloudFormation will say it', async () => {
    removePipeline();
    account.fault({ fault: { kind: 'denied' }, on: { action: 'GetUser' } });
    deploy = async () => deployPipeline(account.account, { ses: ses.account });
    await quickstart('--yes', '--wait', '0.01');
    expect(cdk.runs.map(([command]) => command)).toEqual(['diff', 'deploy']);
  });

  it('where IAM has the user already', async () => {
    account.account.stacks.delete(PIPELINE);
    const { code, stdout } = await quickstart('--yes');
    expect([code, cdk.runs]).toEqual([1, []]);
    expect(stdout).toContain('IAM has a user keybuzz-ses-dev already: set another "userName" in cdk.json');
  });

  it('where the CDK fails, with its words', async () => {
    removePipeline();
    const { code, stderr } = await quickstart('--yes');
    expect(code).toBe(2);
    expect(cdk.runs.map(([command]) => command)).toEqual(['diff', 'deploy']);
    expect(stderr).toMatch(/no bucket to put it in[\s\S]+ended with 1\n {2}fix: see its words above/);
  });

  it('before the CDK, where nobody says yes, with the command of the same profile, stage and Region', async () => {
    const { environment } = account;
    const keys = `aws_access_key_id=${environment.AWS_ACCESS_KEY_ID}\naws_secret_access_key=key\n`;
    const directory = await mkdtemp(join(tmpdir(), 'mailctl-profile-'));
    const file = join(directory, 'credentials');
    await writeFile(file, `[ops]\n${keys}`);
    const args = ['quickstart', '--profile', 'ops', '--stage', 'prod', '--cdk', 'npx cdk'];
    const { code, stdout } = await runMailctl(args, { ...environment, AWS_SHARED_CREDENTIALS_FILE: file });
    await rm(directory, { recursive: true });
    expect(code).toBe(1);
    expect(stdout).toContain('- npx cdk deploy --all -c stage=prod -c region=eu-west-1 --profile ops\n');
  });

  it('where there is no CDK', async () => {
    removePipeline();
    const { code, stderr } = await quickstart('--yes', '--cdk', '/nonexistent/cdk');
    expect(code).toBe(2);
    expect(stderr).toContain('could not be run: ENOENT');
  });

  it('where the DNS cannot be asked, unless SES has found the records', async () => {
    const unasked = await quickstart();
    expect(unasked.code).toBe(1);
    expect(unasked.stdout).toMatch(/^stopped +dns /m);
    expect(unasked.stdout).toContain('mailctl dns --format bind');
    verify();
    expect((await quickstart()).stdout).toMatch(/^done +dns +SES has found the records of keybuzz\.io$/m);
  });

  it('where SES has given up looking', async () => {
    verify('FAILED');
    const { code, stdout } = await quickstart('--skip', 'dns');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^stopped +verification +keybuzz\.io: FAILED/m);
    expect(stdout).toContain('mailctl doctor --only identity');
  });

  it('where somebody has deleted the identity', async () => {
    ses.account.identities.clear();
    const { code, stderr } = await quickstart();
    expect(code).toBe(2);
    expect(stderr).toContain('fix: aws sesv2 create-email-identity --email-identity keybuzz.io');
  });

  it('before the request for production access, where nobody says yes', async () => {
    verify();
    const { code, stdout, stderr } = await quickstart(...LATER, '--website', 'https://keybuzz.io');
    expect(code).toBe(1);
    expect(stderr).toContain('https://keybuzz.io, from keybuzz.io alone');
    expect(stdout).toContain('- mailctl quickstart --website https://keybuzz.io');
    expect(ses.account.review).toBeUndefined();
  });

  it('at a denial, and says how to go on', async () => {
    verify();
    ses.account.review = { status: 'DENIED', caseId: '171234567890123' };
    const { code, stdout } = await quickstart(...LATER, '--yes', '--website', 'https://keybuzz.io');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^stopped +production-access .+ denied the request \(case 171234567890123\)$/m);
    expect(stdout).toContain('- reply to the case');
  });
});

describeWithNameServer('mailctl quickstart, with records in the zone of Route 53', () => {
  let server: RunningServer;
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mailctl-project-'));
    const mail = { hostedZoneId: 'Z123456ABCDEFG' };
    await writeFile(join(directory, 'cdk.json'), JSON.stringify({ context: { mail } }));
  });

  afterEach(async () => {
    await Promise.all([server.stop(), rm(directory, { recursive: true })]);
  });

  it('stops before a deploy that would say that they exist, and names the settings', async () => {
    const [address] = await loopbackAddresses(1);
    if (address === undefined) throw new Error('one was asked for');
    server = await startNameServer(address, {
      'keybuzz.io': [...NS(address), 'bounce MX 10 old.example.org.', '_dmarc TXT "v=DMARC1; p=reject"'],
    });
    account.account.stacks.delete('keybuzz-mail-identity');
    ses.account.identities.clear();

    const args = ['--yes', 'quickstart', '--cdk', cdk.command];
    const resolver = ['--resolver', `${address.address}:${address.port}`];
    const environment = { ...account.environment, AWS_ENDPOINT_URL_SESV2: ses.url };
    // The settings are those of the folder that it is run in.
    const { code, stdout } = await runMailctl([...args, ...resolver], environment, { directory });

    expect([code, cdk.runs]).toEqual([1, []]);
    expect(stdout).toContain('bounce.keybuzz.io has an MX record already');
    expect(stdout).toContain('set "publishDmarc": false in cdk.json to keep it');
  });
});

describe('mailctl quickstart in a folder with a cdk.json', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mailctl-project-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  /** @param mail the settings in cdk.json */
  async function deployArguments(
    mail: Record<string, unknown>,
    flags: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<readonly string[]> {
    await writeFile(join(directory, 'cdk.json'), JSON.stringify({ context: { mail } }));
    const args = ['--yes', ...flags, 'quickstart', '--cdk', cdk.command, '--skip', 'bootstrap'];
    const environment = { ...account.environment, AWS_ENDPOINT_URL_SESV2: ses.url, ...env };
    await runMailctl(args, environment, { directory });
    return cdk.runs.at(-1) ?? [];
  }

  it('leaves project and Region to the CDK, which reads the same file', async () => {
    const mail = { project: 'acme', region: 'eu-west-1', domain: 'acme.io', userName: 'acme-ses' };

    // The SES of this test answers in eu-west-1 alone.
    expect(await deployArguments(mail, [], { AWS_REGION: 'us-east-1' })).toEqual([
      'deploy',
      '--all',
      '--require-approval',
      'never',
    ]);
  });

  it('passes on the stage that was given by hand', async () => {
    const mail = { project: 'acme', region: 'eu-west-1', domain: 'acme.io', userName: 'acme-ses' };

    expect(await deployArguments(mail, ['--stage', 'prod'])).toEqual(
      expect.arrayContaining(['deploy', '--all', '-c', 'stage=prod']),
    );
  });

  it('passes on what the environment says and the file does not', async () => {
    const args = await deployArguments({ domain: 'acme.io', userName: 'acme-ses' }, ['--project', 'acme']);

    expect(args).toEqual(expect.arrayContaining(['-c', 'project=acme', 'region=eu-west-1']));
    expect(args).not.toContain('stage=dev');
  });
});

describe('mailctl quickstart', () => {
  it('leaves out what it is told to, and says so', async () => {
    verify();
    ses.account.decideReview('GRANTED');
    const { code, stdout } = await quickstart(...LATER);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^skipped +secrets$/m);
    expect(stdout).toContain('Nothing is left to do');
  });

  it('writes commands with the stage that it is about', async () => {
    const { stdout } = await quickstart('--stage', 'prod', '--skip', 'deploy');
    expect(stdout).toContain('mailctl --stage prod dns --check');
  });

  it.each([[['--skip', 'nonsense']], [['--wait', 'long']], [['--website', 'keybuzz']], [['extra']]])(
    'ends with 64 for %j',
    async (args) => {
      expect((await quickstart(...args)).code).toBe(64);
    },
  );
});
