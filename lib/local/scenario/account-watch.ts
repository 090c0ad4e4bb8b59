import { WATCH_PERIOD_MINUTES } from '../../../lambda/watch/constants.ts';
import { AwsAccount } from '../aws-account/aws-account.ts';
import { startAwsAccount } from '../aws-account/start-aws-account.ts';
import type { FinishedInvocation } from '../lambda/finished-invocation.ts';
import { startWatchFunction } from '../local-backend.ts';
import type { LocalServices } from '../local-services.ts';
import type { Scenario } from './scenario.ts';
import type { ScenarioClock } from './scenario-clock.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Of the API's key. Days are not stretched: the account is as old as it says. */
const KEY_AGE_MS = 41 * DAY_MS;

export interface AccountWatchParts {
  readonly services: LocalServices;
  /** The IAM user of the API. */
  readonly userName: string;
  readonly onLogLine: (line: string) => void;
  readonly onInvocation: (invocation: FinishedInvocation) => void;
}

/** The watch function, and the account that it looks at. */
export interface AccountWatch {
  /** Lets it look as often as EventBridge would, until the scenario ends. */
  play(scenario: Scenario, clock: ScenarioClock): Promise<void>;
  close(): Promise<void>;
}

/** Starts the bundle of the watch Lambda, and an account with the API's user in it. */
export async function startAccountWatch(parts: AccountWatchParts): Promise<AccountWatch> {
  const { services, userName, onLogLine, onInvocation } = parts;
  const createdAt = new Date(Date.now() - KEY_AGE_MS);
  const user = { name: userName, createdAt, accessKeys: [{ id: 'AKIAMADEUPKEY0000000', createdAt }] };
  const account = await startAwsAccount({ account: new AwsAccount().add({ users: [user] }) });
  const watched = { iamEndpoint: account.url, userName };
  const watch = startWatchFunction(services, watched, { onLogLine, onInvocation });
  // A cold start would be minutes in stretched time.
  await watch.invoke();
  return {
    play: async ({ hours }, clock) => {
      for (let minute = 0; minute < hours * 60; minute += WATCH_PERIOD_MINUTES) {
        await clock.until(minute / 60);
        await watch.invoke();
      }
    },
    close: async () => {
      await watch.close();
      await account.close();
    },
  };
}
