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

  it('is refused with the name of every variable that is not set', () => {
    for (const name of Object.keys(env)) {
      expect(() => readFeedbackEnv({ ...env, [name]: undefined })).toThrow(name);
    }
    expect(() => readFeedbackEnv({})).toThrow(
      new RegExp(
        Object.keys(env)
          .map((name) => `(?=.*${name})`)
          .join(''),
      ),
    );
  });

  it.each([
    [FEEDBACK_ENV.softBounceLimit, '0'],
    [FEEDBACK_ENV.softBounceLimit, '21'],
    [FEEDBACK_ENV.softBounceLimit, '1e1'],
    [FEEDBACK_ENV.ledgerRetentionDays, '-1'],
    [FEEDBACK_ENV.ledgerRetentionDays, ''],
    [FEEDBACK_ENV.queueUrl, 'feedback'],
    [FEEDBACK_ENV.fromDomain, 'https://keybuzz.io'],
    [FEEDBACK_ENV.ledgerTable, 'a table'],
    [FEEDBACK_ENV.metricsNamespace, 'keybuzz mail'],
    [FEEDBACK_ENV.metricsStage, ''],
    ['AWS_REGION', 'Ireland'],
  ])('is refused where %s is %j, with the value and what is allowed', (name, value) => {
    expect(() => readFeedbackEnv({ ...env, [name]: value })).toThrow(
      `${name} is ${JSON.stringify(value)}, allowed is `,
    );
  });
});
