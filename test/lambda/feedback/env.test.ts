import { describe, expect, it } from '@jest/globals';
import { FEEDBACK_ENV } from '../../../lambda/feedback/constants.ts';
import { readFeedbackEnv } from '../../../lambda/feedback/env.ts';

const env = {
  AWS_REGION: 'eu-west-1',
  [FEEDBACK_ENV.queueUrl]: 'https://sqs.eu-west-1.amazonaws.com/123456789012/feedback',
  [FEEDBACK_ENV.deadLetterQueueUrl]: 'http://127.0.0.1:4566/000000000000/dead',
  [FEEDBACK_ENV.receiptsQueueUrl]: 'https://sqs.eu-west-1.amazonaws.com/123456789012/receipts',
  [FEEDBACK_ENV.ledgerTable]: 'keybuzz-ledger',
  [FEEDBACK_ENV.ledgerRetentionDays]: '90',
  [FEEDBACK_ENV.suppressionTable]: 'keybuzz-suppression',
  [FEEDBACK_ENV.softBounceLimit]: '3',
  [FEEDBACK_ENV.softBounceWindowDays]: '7',
  [FEEDBACK_ENV.fromDomain]: 'keybuzz.io',
  [FEEDBACK_ENV.reputationFuse]: 'on',
  [FEEDBACK_ENV.metricsNamespace]: 'keybuzz/mail',
  [FEEDBACK_ENV.metricsStage]: 'dev',
};

describe('the environment of the feedback Lambda', () => {
  it('is read with its numbers', () => {
    expect(readFeedbackEnv(env)).toMatchObject({
      region: 'eu-west-1',
      ledgerTable: 'keybuzz-ledger',
      ledgerRetentionDays: 90,
      softBounceLimit: 3,
      softBounceWindowDays: 7,
    });
  });

  it('is rejected with the name of every variable that is not set', () => {
    for (const name of Object.keys(env)) {
      expect(() => readFeedbackEnv({ ...env, [name]: undefined })).toThrow(name);
    }
    expect(() => readFeedbackEnv({})).toThrow(
      new RegExp(
        Object.keys(env)
          .map((name) => `(?=.*${name})`)
          .join(''),
        's',
      ),
    );
  });

  it.each([
    [FEEDBACK_ENV.softBounceLimit, '0', ' = 0: allowed is a whole number from 1 to 20'],
    [FEEDBACK_ENV.softBounceLimit, '21', ' = 21: allowed is '],
    [FEEDBACK_ENV.softBounceLimit, '1e1', ' = "1e1": allowed is '],
    [FEEDBACK_ENV.ledgerRetentionDays, '-1', ' = "-1": allowed is '],
    [FEEDBACK_ENV.ledgerRetentionDays, '', ' is not set: it is needed, allowed is '],
    [FEEDBACK_ENV.queueUrl, 'feedback', ' = "feedback": allowed is '],
    [FEEDBACK_ENV.fromDomain, 'https://keybuzz.io', ' = "https://keybuzz.io": allowed is '],
    [FEEDBACK_ENV.ledgerTable, 'a table', ' = "a table": allowed is '],
    [FEEDBACK_ENV.metricsNamespace, 'keybuzz mail', ' = "keybuzz mail": allowed is '],
    [FEEDBACK_ENV.reputationFuse, 'maybe', ' = "maybe": allowed is '],
    [FEEDBACK_ENV.metricsStage, '', ' is not set: it is needed, allowed is '],
    ['AWS_REGION', 'Ireland', ' = "Ireland": allowed is '],
  ])('is rejected if %s is %j, with the value and what is allowed', (name, value, problem) => {
    expect(() => readFeedbackEnv({ ...env, [name]: value })).toThrow(`(${name})${problem}`);
  });
});
