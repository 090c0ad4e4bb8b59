import { describe, expect, it } from '@jest/globals';
import { describeFailure } from '../../lib/cli/describe-failure.ts';
import { OperatorError } from '../../lib/cli/errors.ts';
import { FixHints } from '../../lib/cli/hints.ts';

const COMMANDS = new FixHints({ project: 'keybuzz', stage: 'prod' }, 'eu-west-1', 'ops');

function named(name: string, message = 'no'): Error {
  return Object.assign(new Error(message), { name });
}

describe('describeFailure', () => {
  it('returns an error for operators unchanged', () => {
    expect(describeFailure(new OperatorError('SEALED', 'Vault is sealed', 'vault operator unseal'))).toEqual({
      code: 'SEALED',
      message: 'Vault is sealed',
      fix: 'vault operator unseal',
    });
  });

  it.each([
    ['CredentialsProviderError', /AWS_PROFILE/],
    ['ExpiredTokenException', /aws sso login/],
    ['AccessDeniedException', /permission/],
    ['ThrottlingException', /wait a moment/],
    ['AbortError', /check the network/],
    ['ECONNRESET', /try again/],
    ['TokenProviderError', /sign in to AWS/],
    ['SomethingElse', /mailctl doctor/],
  ])('says what fixes %s', (name, fix) => {
    expect(describeFailure(named(name)).fix).toMatch(fix);
  });

  it.each([
    [
      "Token is expired. To refresh this SSO session run 'aws sso login' with the corresponding profile.",
      /: aws sso login --profile ops$/,
    ],
    [
      'The SSO session associated with this profile has expired. To refresh this SSO session run aws sso login with the corresponding profile.',
      /: aws sso login --profile ops$/,
    ],
    [
      'Could not resolve credentials using profile: [opps] in configuration/credentials file(s).',
      /profile "opps".+aws configure list-profiles/,
    ],
    ["Profile 'opps' could not be found in shared credentials file.", /profile "opps"/],
    ['Profile opps could not be found in shared credentials file.', /profile "opps"/],
    ['Region is missing', /set --region/],
    ['Region not accepted: region="eu west" is not a valid hostname component.', /set --region/],
  ])('derives the fix from the message: %s', (message, fix) => {
    const failure = describeFailure(named('CredentialsProviderError', message), COMMANDS);
    expect(failure.fix).toMatch(fix);
    expect(describeFailure(named('CredentialsProviderError', 'none')).fix).not.toMatch(fix);
  });

  it('suggests a retry only for a server error of AWS', () => {
    const fixFor = (httpStatusCode: number) =>
      describeFailure(Object.assign(named('InternalFailure'), { $metadata: { httpStatusCode } })).fix;
    expect(fixFor(503)).toMatch(/try again/);
    expect(fixFor(400)).not.toMatch(/try again/);
  });

  it('suggests the doctor of the same deployment', () => {
    const { fix } = describeFailure(named('SomethingElse'), COMMANDS);
    expect(fix).toContain('"mailctl --stage prod --profile ops doctor"');
  });

  it('shows no full address', () => {
    const { message } = describeFailure(named('NotFoundException', 'marie@example.org is not there'));
    expect(message).toBe('m***@example.org is not there');
  });

  it('reports the error of each address of a host', () => {
    const refused = ['connect ECONNREFUSED ::1:1', 'connect ECONNREFUSED 127.0.0.1:1'].map((message) =>
      Object.assign(new Error(message), { code: 'ECONNREFUSED' }),
    );
    const failure = describeFailure(Object.assign(new AggregateError(refused), { code: 'ECONNREFUSED' }));
    expect(failure.message).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(failure.fix).toMatch(/check the network/);
  });

  it.each([[undefined], [null], ['text'], [{}], [new Error('')]])(
    'accepts any thrown value: %p',
    (thrown) => {
      const { message, fix } = describeFailure(thrown);
      expect([message, fix]).not.toContain('');
    },
  );
});
