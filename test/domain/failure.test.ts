import { describe, expect, it } from '@jest/globals';
import { type Failure, isServerAtFault } from '../../lib/domain/failure.ts';

const aFailure = (fields: Partial<Failure> & Pick<Failure, 'class'>): Failure => ({
  phase: 'envelope',
  at: '2026-11-22T12:00:00.000Z',
  ...fields,
});

describe('whether the server is at fault that a mail was not accepted', () => {
  it.each(['unreachable', 'tls', 'auth', 'unknown', 'circuit-open'] as const)('it is if %s', (name) => {
    expect(isServerAtFault(aFailure({ class: name }))).toBe(true);
  });

  it.each([
    ['relay denied', 'rejected', '554 5.7.1 <m@example.org>: Relay access denied', true],
    ['a broken configuration', 'deferred', '451 4.3.0 <m@example.org>: Temporary lookup failure', true],
    ['a full disk', 'deferred', '452 4.3.1 Insufficient system storage', true],
    ['no route', 'deferred', '450 4.4.1 No answer from host', true],
    ['a server that closes', 'deferred', '421 mail-core closing', true],
    ['no TLS at the moment', 'deferred', '454 TLS not available', true],
    ['an unknown mailbox', 'rejected', '550 5.1.1 <m@example.org>: User unknown', false],
    ['a full mailbox', 'deferred', '452 4.2.2 Mailbox full', false],
    ['a mail that is too large', 'rejected', '552 5.3.4 Message size exceeds fixed limit', false],
    ['a bad content', 'rejected', '550 5.6.0 Message refused', false],
    ['a code that only starts as one', 'rejected', '4210 ', false],
    ['a reply without a status', 'rejected', '550 No', false],
    ['no reply', 'rejected', undefined, false],
  ] as const)('%s: %s, %s', (_name, failureClass, response, expected) => {
    const failure = aFailure({ class: failureClass, ...(response === undefined ? {} : { response }) });

    expect(isServerAtFault(failure)).toBe(expected);
  });

  it('uses the separate enhanced status', () => {
    expect(
      isServerAtFault(aFailure({ class: 'rejected', response: '550 No', enhancedStatus: '5.7.1' })),
    ).toBe(true);
    expect(isServerAtFault(aFailure({ class: 'rejected', enhancedStatus: '5.1.7' }))).toBe(false);
  });
});
