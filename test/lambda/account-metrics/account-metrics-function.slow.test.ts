import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ACCOUNT_METRICS_CALL_TIMEOUT_MS,
  ACCOUNT_METRICS_PERIOD_MINUTES,
  ACCOUNT_METRICS_TIMEOUT_SECONDS,
} from '../../../lambda/account-metrics/constants.ts';
import { AccountMetricsBench, type Failure, SERVICES, type Service } from './account-metrics-bench.ts';

const PREFIX = 'keybuzz/mail stage=dev';

/** The metrics of a run if all services respond. */
const ALL = {
  [`${PREFIX} QuotaUsed`]: [0],
  [`${PREFIX} QuotaLimit`]: [200],
  [`${PREFIX} QuotaRate`]: [14],
  [`${PREFIX} SendingPaused`]: [0],
  [`${PREFIX} KeyAgeDays`]: [100],
  // dynalite counts like DynamoDB in the first hours: not yet.
  [`${PREFIX} SuppressionEntries`]: [0],
};

/** The metrics that are missing if a service fails, and the source name in the error. */
const OF_SERVICE: Readonly<
  Record<Service, { readonly source: string; readonly missing: readonly string[] }>
> = {
  ses: { source: 'account', missing: ['QuotaUsed', 'QuotaLimit', 'QuotaRate', 'SendingPaused'] },
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

  /** Lets one service fail, and expects the metrics of the others. */
  async function expectOthersPublished(service: Service, failure: Failure): Promise<void> {
    const bench = await openBench();
    bench.fail(service, failure);
    const { source, missing } = OF_SERVICE[service];
    expect(await bench.invoke()).toMatchObject({
      kind: 'threw',
      error: { errorMessage: `not known now: ${source}` },
    });
    const { lines, metrics } = await bench.end();
    const published = Object.entries(ALL).filter(
      ([name]) => !missing.some((one) => name.endsWith(` ${one}`)),
    );
    expect(metrics).toEqual(Object.fromEntries(published));
    expect(lines.filter((line) => line.includes('"service-failed"'))).toHaveLength(1);
  }

  it('writes one line with all metrics, and nothing else', async () => {
    const bench = await openBench();
    expect(await bench.invoke()).toEqual({ kind: 'answered', answer: 'null' });
    const { lines, metrics } = await bench.end();
    expect(metrics).toEqual(ALL);
    expect(lines).toHaveLength(1);
  });

  it('reads fresh values at each invocation of a warm process', async () => {
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
    'publishes the others and fails if %s fails by %s',
    expectOthersPublished,
  );

  it('publishes the others and fails if one of them does not respond', async () => {
    await Promise.all(SERVICES.map((service) => expectOthersPublished(service, 'silence')));
  });

  it('ends by itself if none responds, and publishes all once they respond', async () => {
    const bench = await openBench();
    for (const service of SERVICES) bench.fail(service, 'silence');
    expect(await bench.invoke()).toMatchObject({ kind: 'threw' });
    bench.heal();
    expect(await bench.invoke()).toMatchObject({ kind: 'answered' });
    expect((await bench.end()).metrics).toEqual(ALL);
  });

  it('logs no account and no key', async () => {
    const bench = await openBench();
    for (const service of SERVICES) bench.fail(service, 'denied');
    await bench.invoke();
    const { lines } = await bench.end();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/arn:aws|AKIA/);
  });

  it('ends before its next run is due, and before Lambda ends it', () => {
    expect(2 * ACCOUNT_METRICS_CALL_TIMEOUT_MS).toBeLessThan(ACCOUNT_METRICS_TIMEOUT_SECONDS * 1000);
    expect(ACCOUNT_METRICS_TIMEOUT_SECONDS).toBeLessThan(ACCOUNT_METRICS_PERIOD_MINUTES * 60);
  });
});
