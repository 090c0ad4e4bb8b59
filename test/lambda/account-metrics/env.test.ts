import { describe, expect, it } from '@jest/globals';
import { ACCOUNT_METRICS_ENV } from '../../../lambda/account-metrics/constants.ts';
import { readAccountMetricsEnv } from '../../../lambda/account-metrics/env.ts';

const env = {
  [ACCOUNT_METRICS_ENV.metricsNamespace]: 'keybuzz/mail',
  [ACCOUNT_METRICS_ENV.metricsStage]: 'prod',
  [ACCOUNT_METRICS_ENV.userName]: 'keybuzz-ses',
  [ACCOUNT_METRICS_ENV.suppressionTable]: 'keybuzz-mail-suppression-prod',
};

describe('the environment of the account-metrics Lambda', () => {
  it('is read', () => {
    expect(readAccountMetricsEnv(env)).toEqual({
      metricsNamespace: 'keybuzz/mail',
      metricsStage: 'prod',
      userName: 'keybuzz-ses',
      suppressionTable: 'keybuzz-mail-suppression-prod',
    });
  });

  it('is refused with the name of every variable that is not set', () => {
    for (const name of Object.keys(env)) {
      expect(() => readAccountMetricsEnv({ ...env, [name]: undefined })).toThrow(`${name} is not set`);
    }
    expect(() => readAccountMetricsEnv({})).toThrow(
      new RegExp(
        Object.keys(env)
          .map((name) => `(?=.*${name})`)
          .join(''),
      ),
    );
  });

  it.each([
    [ACCOUNT_METRICS_ENV.metricsNamespace, ''],
    [ACCOUNT_METRICS_ENV.metricsNamespace, 'a namespace'],
    [ACCOUNT_METRICS_ENV.metricsStage, 'Prod'],
    [ACCOUNT_METRICS_ENV.userName, 'team/keybuzz'],
    [ACCOUNT_METRICS_ENV.suppressionTable, 'a table'],
  ])('is refused where %s is %j, with the value and what is allowed', (name, value) => {
    expect(() => readAccountMetricsEnv({ ...env, [name]: value })).toThrow(
      `${name} is ${JSON.stringify(value)}, allowed is `,
    );
  });
});
