import { DAY_MS } from '../../../lib/common/time.ts';
import { startAccountMetricsFunction } from '../../../lib/emulators/backend.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import type { InvocationOutcome } from '../../../lib/emulators/lambda/invocation.ts';
import type { ScheduledFunction } from '../../../lib/emulators/lambda/scheduled-function.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { readMetrics } from '../../support/emf-document.ts';

const USER = 'keybuzz-ses';

export const SERVICES = ['ses', 'iam', 'dynamodb'] as const;
export type Service = (typeof SERVICES)[number];
export type Failure = 'status 500' | 'silence' | 'reset' | 'denied';

/** The bundle as it is deployed, with doubles of the three services that it calls. */
export class AccountMetricsBench {
  readonly ses: SesDouble;
  readonly #account: AwsAccountDouble;
  readonly #dynamoDb: LocalDynamoDb;
  readonly #accountMetrics: ScheduledFunction;
  readonly #lines: string[] = [];

  /** A bench with a quota of 200 and a user with one key, created 100 days ago. */
  static async open(): Promise<AccountMetricsBench> {
    const ses = await startSesDouble({ max24HourSend: 200 });
    const bench = new AccountMetricsBench(ses, await startAwsAccount(), await startDynamoDb());
    bench.setKeys(new Date(Date.now() - 100 * DAY_MS));
    return bench;
  }

  private constructor(ses: SesDouble, account: AwsAccountDouble, dynamoDb: LocalDynamoDb) {
    this.ses = ses;
    this.#account = account;
    this.#dynamoDb = dynamoDb;
    const user = { iamEndpoint: account.url, userName: USER };
    this.#accountMetrics = startAccountMetricsFunction({ ses, dynamoDb }, user, {
      onLogLine: (line) => this.#lines.push(line),
    });
  }

  /** Replaces the user's keys, given by creation date. */
  setKeys(...createdAt: readonly Date[]): void {
    const accessKeys = createdAt.map((at, index) => ({ id: `AKIAEXAMPLE${index}`, createdAt: at }));
    this.#account.account.add({ users: [{ name: USER, createdAt: new Date(0), accessKeys }] });
  }

  fail(service: Service, failure: Failure): void {
    const times = Number.POSITIVE_INFINITY;
    if (service === 'ses') this.ses.fault({ effect: OF_SES[failure], when: () => true, times });
    if (service === 'iam') this.#account.fault({ fault: OF_IAM[failure] });
    if (service === 'dynamodb') this.#dynamoDb.fault({ fault: OF_DYNAMODB[failure] });
  }

  heal(): void {
    this.ses.clearFaults();
    this.#account.heal();
    this.#dynamoDb.heal();
  }

  invoke(): Promise<InvocationOutcome> {
    return this.#accountMetrics.invoke();
  }

  /** Ends the function. @returns its log lines, and the metrics that CloudWatch would extract from them */
  async end(): Promise<{ readonly lines: readonly string[]; readonly metrics: Record<string, number[]> }> {
    await this.#accountMetrics.close();
    const embedded = this.#lines.filter((line) => line.includes('"_aws"'));
    return { lines: this.#lines, metrics: Object.fromEntries(readMetrics(embedded)) };
  }

  async close(): Promise<void> {
    await this.#accountMetrics.close();
    await Promise.all([this.ses.close(), this.#account.close(), this.#dynamoDb.close()]);
  }
}

const OF_SES = {
  'status 500': { kind: 'server-error', status: 500 },
  silence: { kind: 'silence', accepted: true },
  reset: { kind: 'reset', accepted: true },
  denied: { kind: 'error', code: 'AccessDeniedException', message: 'arn:aws:iam::1:user/x', status: 403 },
} as const;

const OF_IAM = {
  'status 500': { kind: 'failure', status: 500 },
  silence: { kind: 'silence' },
  reset: { kind: 'reset' },
  denied: { kind: 'denied' },
} as const;

const OF_DYNAMODB = {
  'status 500': { kind: 'error', status: 500 },
  silence: { kind: 'silence', done: true },
  reset: { kind: 'reset', done: true },
  denied: { kind: 'denied' },
} as const;
