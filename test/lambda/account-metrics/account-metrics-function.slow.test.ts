import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ACCOUNT_METRICS_CALL_TIMEOUT_MS,
  ACCOUNT_METRICS_PERIOD_MINUTES,
  ACCOUNT_METRICS_TIMEOUT_SECONDS,
} from '../../../lambda/account-metrics/constants.ts';
import { AccountMetricsBench, type Failure, SERVICES, type Service } from './account-metrics-bench.ts';

const PREFIX = 'keybuzz/mail stage=dev';

/** What a look tells where all is well. */
const ALL = {
  [`${PREFIX} QuotaUsed`]: [0],
  [`${PREFIX} QuotaLimit`]: [200],
  [`${PREFIX} SendingPaused`]: [0],
  [`${PREFIX} KeyAgeDays`]: [100],
  // dynalite counts as DynamoDB does in the first hours: not yet.
  [`${PREFIX} SuppressionEntries`]: [0],
};

/** What is not told where a service fails, and how the function names it. */
const OF_SERVICE: Readonly<
  Record<Service, { readonly source: string; readonly missing: readonly string[] }>
> = {
  ses: { source: 'account', missing: ['QuotaUsed', 'QuotaLimit', 'SendingPaused'] },
  iam: { source: 'keys', missing: ['KeyAgeDays'] },
  dynamodb: { source: 'entries', missing: ['SuppressionEntries'] },
};

const AT_ONCE: readonly Failure[] = ['status 500', 'reset', 'denied'];

describe('the account-metrics Lambda', () => {
  const benches: AccountMetricsBench[] = [];

  afterEach(async () => {
    await Promise.all(benches.splice(0).map((bench) => bench.close()));
  });

  async function openBench(): Promise<AccountMetricsBench> {
    const bench = await AccountMetricsBench.open();
    benches.push(bench);
    return bench;
  }

  /** Lets one service fail, and looks whether the others are told of. */
  async function expectOthersTold(service: Service, failure: Failure): Promise<void> {
    const bench = await openBench();
    bench.fail(service, failure);
    const { source, missing } = OF_SERVICE[service];
    expect(await bench.invoke()).toMatchObject({
      kind: 'threw',
      error: { errorMessage: `not known now: ${source}` },
    });
    const { lines, metrics } = await bench.end();
    const told = Object.entries(ALL).filter(([name]) => !missing.some((one) => name.endsWith(` ${one}`)));
    expect(metrics).toEqual(Object.fromEntries(told));
    expect(lines.filter((line) => line.includes('"service-failed"'))).toHaveLength(1);
  }

  it('writes a line with all that it learns, and nothing else', async () => {
    const bench = await openBench();
    expect(await bench.invoke()).toEqual({ kind: 'answered', answer: 'null' });
    const { lines, metrics } = await bench.end();
    expect(metrics).toEqual(ALL);
    expect(lines).toHaveLength(1);
  });

  it('tells each time anew, in the process of the last', async () => {
    const bench = await openBench();
    await bench.invoke();
    bench.ses.account.sendingEnabled = false;
    bench.setKeys();
    await bench.invoke();
    const { lines, metrics } = await bench.end();
    expect(metrics).toMatchObject({
      [`${PREFIX} SendingPaused`]: [0, 1],
      [`${PREFIX} KeyAgeDays`]: [100],
    });
    expect(lines.filter((line) => line.includes('"no-active-key"'))).toHaveLength(1);
  });

  it.each(SERVICES.flatMap((service) => AT_ONCE.map((failure) => [service, failure] as const)))(
    'where %s fails by %s tells of the others, and fails',
    expectOthersTold,
  );

  it('where one of them is silent tells of the others, and fails', async () => {
    await Promise.all(SERVICES.map((service) => expectOthersTold(service, 'silence')));
  });

  it('ends by itself where all are silent, and is whole again after them', async () => {
    const bench = await openBench();
    for (const service of SERVICES) bench.fail(service, 'silence');
    expect(await bench.invoke()).toMatchObject({ kind: 'threw' });
    bench.heal();
    expect(await bench.invoke()).toMatchObject({ kind: 'answered' });
    expect((await bench.end()).metrics).toEqual(ALL);
  });

  it('writes down no account and no key', async () => {
    const bench = await openBench();
    for (const service of SERVICES) bench.fail(service, 'denied');
    await bench.invoke();
    const { lines } = await bench.end();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/arn:aws|AKIA/);
  });

  it('has done before it is due again, and before Lambda ends it', () => {
    expect(2 * ACCOUNT_METRICS_CALL_TIMEOUT_MS).toBeLessThan(ACCOUNT_METRICS_TIMEOUT_SECONDS * 1000);
    expect(ACCOUNT_METRICS_TIMEOUT_SECONDS).toBeLessThan(ACCOUNT_METRICS_PERIOD_MINUTES * 60);
  });
});
