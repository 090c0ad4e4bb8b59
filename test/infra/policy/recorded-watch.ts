import { WATCH_TIMEOUT_SECONDS } from '../../../lambda/watch/constants.ts';
import { bundleLambda } from '../../../lib/infra/lambda-bundle.ts';
import { AwsAccount } from '../../../lib/local/aws-account/aws-account.ts';
import { startAwsAccount } from '../../../lib/local/aws-account/start-aws-account.ts';
import { watchEnvironment } from '../../../lib/local/function-environments.ts';
import { ScheduledFunction } from '../../../lib/local/lambda/scheduled-function.ts';
import type { LocalServices } from '../../../lib/local/local-services.ts';
import type { CallTap } from './call-tap.ts';

/**
 * One look at the account, by the bundle of the watch Lambda.
 *
 * @returns what it was told of its surroundings
 */
export async function runWatch(
  services: LocalServices,
  tap: CallTap,
): Promise<Readonly<Record<string, string>>> {
  const user = { name: 'local-api', createdAt: new Date(), accessKeys: [] };
  const double = await startAwsAccount({ account: new AwsAccount().add({ users: [user] }) });
  const iam = await tap.openTo(double.url);
  const environment = {
    ...watchEnvironment(services, { iamEndpoint: iam.endpoint, userName: user.name }),
    ...tap.endpoints,
  };
  const watch = new ScheduledFunction({
    functionName: 'watch',
    bundleDirectory: bundleLambda('watch').directory,
    environment,
    timeoutSeconds: WATCH_TIMEOUT_SECONDS,
  });
  try {
    const outcome = await watch.invoke();
    if (outcome.kind !== 'answered') throw new Error(`the watch Lambda failed: ${JSON.stringify(outcome)}`);
    return environment;
  } finally {
    await watch.close();
    await iam.close();
    await double.close();
  }
}
