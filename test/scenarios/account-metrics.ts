import { ACCOUNT_METRICS_PERIOD_MINUTES } from '../../lambda/account-metrics/constants.ts';
import { DAY_MS } from '../../lib/common/time.ts';
import { startAccountMetricsFunction } from '../../lib/emulators/backend.ts';
import type { FinishedInvocation } from '../../lib/emulators/lambda/invocation.ts';
import type { LocalServices } from '../../lib/emulators/services.ts';
import { AwsAccount } from '../support/aws-account/aws-account.ts';
import { startAwsAccount } from '../support/aws-account/start-aws-account.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioClock } from './scenario-clock.ts';

/** The age of the API's key. Days are not scaled: the account shows its real age. */
const KEY_AGE_MS = 41 * DAY_MS;

export interface AccountMetricsParts {
  readonly services: LocalServices;
  /** The IAM user of the API. */
  readonly userName: string;
  readonly onLogLine: (line: string) => void;
  readonly onInvocation: (invocation: FinishedInvocation) => void;
}

/** The account-metrics function, and the account that it reads. */
export interface AccountMetrics {
  /** Invokes it as often as EventBridge would, until the scenario ends. */
  play(scenario: Scenario, clock: ScenarioClock): Promise<void>;
  close(): Promise<void>;
}

/** Starts the bundle of the account-metrics Lambda, and an account that has the API's user. */
export async function startAccountMetrics(parts: AccountMetricsParts): Promise<AccountMetrics> {
  const { services, userName, onLogLine, onInvocation } = parts;
  const createdAt = new Date(Date.now() - KEY_AGE_MS);
  const user = { name: userName, createdAt, accessKeys: [{ id: 'AKIAMADEUPKEY0000000', createdAt }] };
  const account = await startAwsAccount({ account: new AwsAccount().add({ users: [user] }) });
  const measured = { iamEndpoint: account.url, userName };
  const monitoring = startAccountMetricsFunction(services, measured, { onLogLine, onInvocation });
  // A cold start would take minutes in scaled time.
  await monitoring.invoke();
  return {
    play: async ({ hours }, clock) => {
      for (let minute = 0; minute < hours * 60; minute += ACCOUNT_METRICS_PERIOD_MINUTES) {
        await clock.until(minute / 60);
        await monitoring.invoke();
      }
    },
    close: async () => {
      await monitoring.close();
      await account.close();
    },
  };
}
