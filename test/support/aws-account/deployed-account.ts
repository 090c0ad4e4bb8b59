import { AwsAccount, type AwsAccountOptions } from './aws-account.ts';
import { deployIdentity } from './deploy-identity.ts';
import { deployMonitoring } from './deploy-monitoring.ts';
import { deployPipeline } from './deploy-pipeline.ts';
import type { DeploymentOptions } from './deployment.ts';

/**
 * An account in which `cdk bootstrap` and `cdk deploy --all` have succeeded.
 *
 * @example
 * const services = await startLocalServices({ … });
 * const account = deployedAccount({ resources: resourcesOf(services), ses: services.ses.account });
 * const double = await startAwsAccount({ account });
 */
export function deployedAccount(options: DeploymentOptions & AwsAccountOptions = {}): AwsAccount {
  const account = new AwsAccount(options);
  bootstrap(account, options.at);
  deployIdentity(account, options);
  deployPipeline(account, options);
  deployMonitoring(account, options);
  return account;
}

/** Adds the stack that `cdk bootstrap` creates, as far as its outputs are needed. */
export function bootstrap(account: AwsAccount, at = new Date()): void {
  account.add({
    stacks: [
      {
        name: 'CDKToolkit',
        description: 'This stack includes resources needed to deploy AWS CDK apps into this environment',
        status: 'CREATE_COMPLETE',
        createdAt: at,
        outputs: {
          BootstrapVersion: '28',
          BucketName: `cdk-hnb659fds-assets-${account.id}-${account.region}`,
        },
        resources: [],
      },
    ],
  });
}
