import { describe, expect, it } from '@jest/globals';
import { describeFailure } from '../../lib/operator/describe-failure.ts';
import { OperatorError } from '../../lib/operator/operator-error.ts';

function named(name: string, message = 'no'): Error {
  return Object.assign(new Error(message), { name });
}

describe('describeFailure', () => {
  it('tells an error for operators as it is', () => {
    expect(describeFailure(new OperatorError('SEALED', 'Vault is sealed', 'vault operator unseal'))).toEqual({
      code: 'SEALED',
      message: 'Vault is sealed',
      mend: 'vault operator unseal',
    });
  });

  it.each([
    ['CredentialsProviderError', /AWS_PROFILE/],
    ['ExpiredTokenException', /aws sso login/],
    ['AccessDeniedException', /permission/],
    ['ThrottlingException', /wait a moment/],
    ['AbortError', /check the network/],
    ['SomethingElse', /mailctl doctor/],
  ])('says what mends %s', (name, mend) => {
    expect(describeFailure(named(name)).mend).toMatch(mend);
  });

  it('shows no whole address', () => {
    const { message } = describeFailure(named('NotFoundException', 'marie@example.org is not there'));
    expect(message).toBe('m***@example.org is not there');
  });

  it('tells what each address of a host said', () => {
    const refused = ['connect ECONNREFUSED ::1:1', 'connect ECONNREFUSED 127.0.0.1:1'].map((message) =>
      Object.assign(new Error(message), { code: 'ECONNREFUSED' }),
    );
    const failure = describeFailure(Object.assign(new AggregateError(refused), { code: 'ECONNREFUSED' }));
    expect(failure.message).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(failure.mend).toMatch(/check the network/);
  });

  it.each([[undefined], [null], ['text'], [{}], [new Error('')]])(
    'takes whatever was thrown: %p',
    (thrown) => {
      const { message, mend } = describeFailure(thrown);
      expect([message, mend]).not.toContain('');
    },
  );
});
