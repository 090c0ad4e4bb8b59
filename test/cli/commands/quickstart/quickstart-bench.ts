import type { LocalBackend } from '../../../../lib/emulators/backend.ts';
import { AwsAccount } from '../../../support/aws-account/aws-account.ts';
import { deployIdentity } from '../../../support/aws-account/deploy-identity.ts';
import { deployMonitoring } from '../../../support/aws-account/deploy-monitoring.ts';
import { deployPipeline } from '../../../support/aws-account/deploy-pipeline.ts';
import { bootstrap } from '../../../support/aws-account/deployed-account.ts';
import { resourcesOf } from '../../../support/aws-account/deployed-resources.ts';
import { operatorEnvironment } from '../../../support/aws-account/operator-environment.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../support/aws-account/start-aws-account.ts';
import { enterProject } from '../../../support/enter-project.ts';
import {
  loopbackAddresses,
  type NameServerAddress,
  type RunningServer,
  startNameServer,
} from '../../../support/name-server.ts';
import { VaultDouble } from '../../../support/vault/vault-double.ts';
import { NS } from '../dns/zones.ts';
import { type CdkStandIn, startCdkStandIn } from './cdk-stand-in.ts';

const DOMAIN = 'keybuzz.io';

/** An account with nothing in it, and a zone that says nothing of SES. */
export interface QuickstartBench {
  readonly account: AwsAccountDouble;
  readonly backend: LocalBackend;
  readonly vault: VaultDouble;
  readonly cdk: CdkStandIn;
  readonly env: Readonly<Record<string, string>>;
  readonly vaultEnv: Readonly<Record<string, string>>;
  /** Whom to ask for the DNS, and to wait for SES no longer than it takes to see that it does wait. */
  readonly args: readonly string[];
  /** Called in place of a deployment; @default deploys. */
  onDeploy: () => Promise<void>;
  /** Puts records into the zone: `NAME TYPE VALUE`. */
  enter(records: readonly string[]): Promise<void>;
  /** What SES does once it has found the records. */
  verify(): void;
  close(): Promise<void>;
}

/** @param backend the pipeline as it runs once it is deployed */
export async function startQuickstartBench(backend: LocalBackend): Promise<QuickstartBench> {
  const { services } = backend;
  const ses = services.ses.account;
  ses.identities.clear();
  ses.sandbox = true;
  ses.review = undefined;
  const [account, vault, receiptsDeadLetters] = await Promise.all([
    startAwsAccount({ account: new AwsAccount() }),
    VaultDouble.start(),
    services.aws.createQueue('receipts-dead-letters'),
  ]);
  const resources = { ...resourcesOf(services), receiptsDeadLetters };
  const deploy = async () => {
    deployIdentity(account.account, { ses });
    deployPipeline(account.account, { ses, resources });
    withoutKey(account.account);
    deployMonitoring(account.account);
  };
  const zone = await startZone();
  const leaveProject = await enterProject();
  const bench = {
    account,
    backend,
    vault,
    cdk: await startCdkStandIn(async ([command]) => {
      if (command === 'bootstrap') bootstrap(account.account);
      if (command === 'deploy') await bench.onDeploy();
    }),
    env: operatorEnvironment(account, services),
    vaultEnv: { VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' },
    args: [...zone.args, '--poll', '0.1', '--wait', '0.01'],
    onDeploy: deploy,
    enter: zone.enter,
    verify: () => {
      const identity = ses.identities.get(DOMAIN);
      if (identity === undefined) throw new Error('nothing is deployed');
      identity.status = 'SUCCESS';
      identity.mailFrom = { domain: `bounce.${DOMAIN}`, status: 'SUCCESS' };
    },
    close: async () => {
      await Promise.all([account.close(), vault.close(), bench.cdk.close(), zone.stop(), leaveProject()]);
    },
  };
  return bench;
}

/** The deployment makes none. */
function withoutKey({ users, secrets }: AwsAccount): void {
  for (const user of users.values()) user.accessKeys = [];
  for (const secret of secrets.values()) secret.value = undefined;
}

async function startZone() {
  const [server] = await loopbackAddresses(1);
  if (server === undefined) throw new Error('one was asked for');
  let running = await serve(server, []);
  const resolver = `${server.address}:${server.port}`;
  return {
    args: ['--resolver', resolver, '--server-port', String(server.port)],
    enter: async (records: readonly string[]) => {
      await running.stop();
      running = await serve(server, records.map(zoneLine));
    },
    stop: () => running.stop(),
  };
}

function serve(server: NameServerAddress, lines: readonly string[]): Promise<RunningServer> {
  return startNameServer(server, { [DOMAIN]: [...NS(server), ...lines] });
}

/** Names of a zone's file end with a dot, texts stand in quotes. */
function zoneLine(record: string): string {
  const [, name, type, value] = /^(\S+) (\S+) (.+)$/.exec(record) ?? [];
  return `${name}. ${type} ${type === 'TXT' ? `"${value}"` : `${value}.`}`;
}
