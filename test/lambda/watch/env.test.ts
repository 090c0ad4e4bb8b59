import { describe, expect, it } from '@jest/globals';
import { WATCH_ENV } from '../../../lambda/watch/constants.ts';
import { readWatchEnv } from '../../../lambda/watch/env.ts';

const env = {
  [WATCH_ENV.metricsNamespace]: 'keybuzz/mail',
  [WATCH_ENV.metricsStage]: 'prod',
  [WATCH_ENV.userName]: 'keybuzz-ses',
  [WATCH_ENV.suppressionTable]: 'keybuzz-mail-suppression-prod',
};

describe('the environment of the watch Lambda', () => {
  it('is read', () => {
    expect(readWatchEnv(env)).toEqual({
      metricsNamespace: 'keybuzz/mail',
      metricsStage: 'prod',
      userName: 'keybuzz-ses',
      suppressionTable: 'keybuzz-mail-suppression-prod',
    });
  });

  it('is refused with the name of every variable that is not set', () => {
    for (const name of Object.keys(env)) {
      expect(() => readWatchEnv({ ...env, [name]: undefined })).toThrow(`${name} is not set`);
    }
    expect(() => readWatchEnv({})).toThrow(
      new RegExp(
        Object.keys(env)
          .map((name) => `(?=.*${name})`)
          .join(''),
      ),
    );
  });

  it.each([
    [WATCH_ENV.metricsNamespace, ''],
    [WATCH_ENV.metricsNamespace, 'a namespace'],
    [WATCH_ENV.metricsStage, 'Prod'],
    [WATCH_ENV.userName, 'team/keybuzz'],
    [WATCH_ENV.suppressionTable, 'a table'],
  ])('is refused where %s is %j, with the value and what is allowed', (name, value) => {
    expect(() => readWatchEnv({ ...env, [name]: value })).toThrow(
      `${name} is ${JSON.stringify(value)}, allowed is `,
    );
  });
});
