import { ACCOUNT_METRICS_TIMEOUT_SECONDS } from '../../../lambda/account-metrics/constants.ts';
import { accountMetricsEnvironment } from '../../../lib/emulators/backend.ts';
import { ScheduledFunction } from '../../../lib/emulators/lambda/scheduled-function.ts';
import type { LocalServices } from '../../../lib/emulators/services.ts';
import { bundleLambda } from '../../../lib/infra/lambda-bundle.ts';
import { AwsAccount } from '../../support/aws-account/aws-account.ts';
import { startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import type { CallTap } from './call-tap.ts';

/**
 * One look at the account, by the bundle of the account-metrics Lambda.
 *
 * @returns what it was told of its surroundings
 */
export async function runAccountMetrics(
  services: LocalServices,
  tap: CallTap,
): Promise<Readonly<Record<string, string>>> {
  const user = { name: 'local-api', createdAt: new Date(), accessKeys: [] };
  const double = await startAwsAccount({ account: new AwsAccount().add({ users: [user] }) });
  const iam = await tap.openTo(double.url);
  const environment = {
    ...accountMetricsEnvironment(services, { iamEndpoint: iam.endpoint, userName: user.name }),
    ...tap.endpoints,
  };
  const monitoring = new ScheduledFunction({
    functionName: 'account-metrics',
    bundleDirectory: bundleLambda('account-metrics').directory,
    environment,
    timeoutSeconds: ACCOUNT_METRICS_TIMEOUT_SECONDS,
  });
  try {
    const outcome = await monitoring.invoke();
    if (outcome.kind !== 'answered')
      throw new Error(`the account-metrics Lambda failed: ${JSON.stringify(outcome)}`);
    return environment;
  } finally {
    await monitoring.close();
    await iam.close();
    await double.close();
  }
}
