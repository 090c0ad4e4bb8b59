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

  it('is rejected with the name of every variable that is not set', () => {
    for (const name of Object.keys(env)) {
      expect(() => readAccountMetricsEnv({ ...env, [name]: undefined })).toThrow(`(${name}) is not set`);
    }
    expect(() => readAccountMetricsEnv({})).toThrow(
      new RegExp(
        Object.keys(env)
          .map((name) => `(?=.*${name})`)
          .join(''),
        's',
      ),
    );
  });

  it.each([
    [ACCOUNT_METRICS_ENV.metricsNamespace, '', ' is not set: it is needed, allowed is '],
    [ACCOUNT_METRICS_ENV.metricsNamespace, 'a namespace', ' = "a namespace": allowed is '],
    [ACCOUNT_METRICS_ENV.metricsStage, 'Prod', ' = "Prod": allowed is '],
    [ACCOUNT_METRICS_ENV.userName, 'team/keybuzz', ' = "team/keybuzz": allowed is '],
    [ACCOUNT_METRICS_ENV.suppressionTable, 'a table', ' = "a table": allowed is '],
  ])('is rejected if %s is %j, with the value and what is allowed', (name, value, problem) => {
    expect(() => readAccountMetricsEnv({ ...env, [name]: value })).toThrow(`(${name})${problem}`);
  });
});
