import { describe, expect, it } from '@jest/globals';
import { loggedError } from '../../lib/domain/logged-error.ts';

describe('an error in a log line', () => {
  it('has its code and its message, with addresses masked', () => {
    const error = Object.assign(new Error('invalid value "marie@example.org" of user api'), {
      code: '22P02',
    });

    expect(loggedError(error)).toEqual({
      code: '22P02',
      message: 'invalid value "m***@example.org" of user api',
    });
  });

  it('lacks the detail, which quotes rows', () => {
    const error = Object.assign(new Error('a constraint is violated'), {
      code: '23505',
      detail: 'Key (target_address)=(marie@example.org) already exists.',
    });

    expect(JSON.stringify(loggedError(error))).not.toContain('already exists');
  });

  it('has the messages of all addresses of a host, and only the beginning of a very long one', () => {
    const refused = new AggregateError([
      new Error('connect ECONNREFUSED ::1'),
      new Error('connect 127.0.0.1'),
    ]);

    expect(loggedError(refused).message).toBe('connect ECONNREFUSED ::1; connect 127.0.0.1');
    expect(loggedError(new Error('x'.repeat(100_000))).message.length).toBeLessThan(1_000);
    expect(loggedError('text')).toEqual({ code: 'unknown', message: 'text' });
  });
});
