import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  WATCH_CALL_TIMEOUT_MS,
  WATCH_PERIOD_MINUTES,
  WATCH_TIMEOUT_SECONDS,
} from '../../../lambda/watch/constants.ts';
import { AwsAccount } from '../../../lib/local/aws-account/aws-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../../lib/local/aws-account/start-aws-account.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/local/dynamodb/local-dynamo-db.ts';
import type { ScheduledFunction } from '../../../lib/local/lambda/scheduled-function.ts';
import { startWatchFunction } from '../../../lib/local/local-backend.ts';
import { type SesDouble, startSesDouble } from '../../../lib/local/ses/ses-double.ts';
import { readMetrics } from '../../support/emf-document.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const USER = 'keybuzz-ses';

type Service = 'ses' | 'iam' | 'dynamodb';
type Failure = 'status 500' | 'silence' | 'reset' | 'denied';

/** The bundle as it is deployed, on doubles of what it asks. */
describe('the watch Lambda', () => {
  let ses: SesDouble;
  let account: AwsAccountDouble;
  let dynamoDb: LocalDynamoDb;
  let watch: ScheduledFunction;
  let lines: string[];

  beforeEach(async () => {
    ses = await startSesDouble({ max24HourSend: 200 });
    account = await startAwsAccount({ account: accountWithKey() });
    dynamoDb = await startDynamoDb();
    lines = [];
    const user = { iamEndpoint: account.url, userName: USER };
    watch = startWatchFunction({ ses, dynamoDb }, user, { onLogLine: (line) => lines.push(line) });
  });
  afterEach(async () => {
    await watch.close();
    await Promise.all([ses.close(), account.close(), dynamoDb.close()]);
  });

  function accountWithKey(): AwsAccount {
    const createdAt = new Date(Date.now() - 100 * DAY_MS);
    const accessKeys = [{ id: 'AKIAEXAMPLE', createdAt }];
    return new AwsAccount().add({ users: [{ name: USER, createdAt, accessKeys }] });
  }

  /** What CloudWatch would make of all lines of the function, which is ended by it. */
  async function metricsOnceEnded(): Promise<Record<string, number[]>> {
    await watch.close();
    return Object.fromEntries(readMetrics(lines.filter((line) => line.includes('"_aws"'))));
  }

  function fail(service: Service, failure: Failure): void {
    const times = Number.POSITIVE_INFINITY;
    if (service === 'ses') ses.fault({ effect: OF_SES[failure], when: () => true, times });
    if (service === 'iam') account.fault({ fault: OF_IAM[failure] });
    if (service === 'dynamodb') dynamoDb.fault({ fault: OF_DYNAMODB[failure] });
  }

  it('writes a line with all that it learns, and nothing else', async () => {
    expect(await watch.invoke()).toEqual({ kind: 'answered', answer: 'null' });
    expect(await metricsOnceEnded()).toEqual(ALL);
    expect(lines).toHaveLength(1);
  });

  it('tells each time anew, in the process of the last', async () => {
    await watch.invoke();
    ses.account.sendingEnabled = false;
    account.account.users.set(USER, { name: USER, createdAt: new Date(), accessKeys: [] });
    await watch.invoke();
    expect(await metricsOnceEnded()).toMatchObject({
      [`${PREFIX} SendingPaused`]: [0, 1],
      [`${PREFIX} KeyAgeDays`]: [100],
    });
    expect(lines.filter((line) => line.includes('"no-active-key"'))).toHaveLength(1);
  });

  describe.each<[Service, string, readonly string[]]>([
    ['ses', 'account', ['QuotaUsed', 'QuotaLimit', 'SendingPaused']],
    ['iam', 'keys', ['KeyAgeDays']],
    ['dynamodb', 'entries', ['SuppressionEntries']],
  ])('where %s fails', (service, source, missing) => {
    it.each<Failure>(['status 500', 'silence', 'reset', 'denied'])(
      'by %s tells of the others, and fails',
      async (failure) => {
        fail(service, failure);
        expect(await watch.invoke()).toMatchObject({
          kind: 'threw',
          error: { errorMessage: `not known now: ${source}` },
        });
        const told = Object.entries(ALL).filter(([name]) => !missing.some((one) => name.endsWith(` ${one}`)));
        expect(await metricsOnceEnded()).toEqual(Object.fromEntries(told));
        expect(lines.filter((line) => line.includes('"service-failed"'))).toHaveLength(1);
      },
    );
  });

  it('ends by itself where all are silent, and is whole again after them', async () => {
    for (const service of ['ses', 'iam', 'dynamodb'] as const) fail(service, 'silence');
    expect(await watch.invoke()).toMatchObject({ kind: 'threw' });
    ses.clearFaults();
    account.heal();
    dynamoDb.heal();
    expect(await watch.invoke()).toMatchObject({ kind: 'answered' });
    expect(await metricsOnceEnded()).toEqual(ALL);
  });

  it('writes down no account and no key', async () => {
    for (const service of ['ses', 'iam', 'dynamodb'] as const) fail(service, 'denied');
    await watch.invoke();
    await watch.close();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/arn:aws|AKIA/);
  });

  it('has done before it is due again, and before Lambda ends it', () => {
    expect(2 * WATCH_CALL_TIMEOUT_MS).toBeLessThan(WATCH_TIMEOUT_SECONDS * 1000);
    expect(WATCH_TIMEOUT_SECONDS).toBeLessThan(WATCH_PERIOD_MINUTES * 60);
  });
});

const PREFIX = 'keybuzz/mail stage=dev';

const ALL = {
  [`${PREFIX} QuotaUsed`]: [0],
  [`${PREFIX} QuotaLimit`]: [200],
  [`${PREFIX} SendingPaused`]: [0],
  [`${PREFIX} KeyAgeDays`]: [100],
  // dynalite counts as DynamoDB does in the first hours: not yet.
  [`${PREFIX} SuppressionEntries`]: [0],
};

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
