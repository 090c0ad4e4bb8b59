import { describe, expect, it } from '@jest/globals';
import { classifySesError } from '../../../lib/adapters/ses/classify-ses-error.ts';

const NOT_VERIFIED =
  'Email address is not verified. The following identities failed the check in region EU-WEST-1: a@b.example';

describe('the table of SES errors', () => {
  it.each([
    ['Throttling', 'Maximum sending rate exceeded.', 400, 'sending-rate', 'rate'],
    ['TooManyRequestsException', 'Maximum sending rate exceeded.', 429, 'sending-rate', 'rate'],
    ['Throttling', 'Daily message quota exceeded.', 400, 'daily-quota', 'hours'],
    ['LimitExceededException', 'Daily message quota exceeded.', 400, 'daily-quota', 'hours'],
    ['AccountSendingPausedException', 'paused', 400, 'sending-paused', 'hours'],
    ['SendingPausedException', 'paused', 400, 'sending-paused', 'hours'],
    ['AccountSuspendedException', 'suspended', 400, 'account-suspended', 'hours'],
    ['MessageRejected', 'Sending paused for this account. For more …', 400, 'sending-paused', 'hours'],
    ['MessageRejected', 'Sending suspended for this account.', 400, 'sending-paused', 'hours'],
    ['MessageRejected', NOT_VERIFIED, 400, 'identity-not-verified', 'hours'],
    ['MailFromDomainNotVerifiedException', 'MAIL FROM', 400, 'identity-not-verified', 'hours'],
    ['ConfigurationSetDoesNotExistException', 'none', 400, 'configuration-set-missing', 'hours'],
    ['NotFoundException', 'Configuration set <x> does not exist.', 404, 'configuration-set-missing', 'hours'],
    ['AccessDenied', 'not authorized', 403, 'access-denied', 'hours'],
    ['SignatureDoesNotMatch', 'signature', 403, 'access-denied', 'hours'],
    ['ServiceUnavailable', 'later', 503, 'ses-unavailable', 'outage'],
    ['ECONNREFUSED', '', undefined, 'ses-unreachable', 'outage'],
    [
      'TimeoutError',
      '@smithy/node-http-handler - the request socket did not establish a connection with the server within the configured timeout of 3000 ms.',
      undefined,
      'ses-unreachable',
      'outage',
    ],
    ['ENOTFOUND', '', undefined, 'ses-unreachable', 'outage'],
    ['SomethingNew', 'what is this', 400, 'unknown-ses-error', 'hours'],
  ])('%s (%s) waits', (code, message, status, cause, pace) => {
    expect(classifySesError(code, message, status)).toEqual({
      kind: 'retry',
      cause,
      pace,
      answerLost: false,
    });
  });

  it.each([
    ['TimeoutError', '', undefined, 'answer-lost'],
    ['ECONNRESET', '', undefined, 'answer-lost'],
    ['SyntaxError', 'Unexpected token', 200, 'answer-lost'],
    ['NoMessageId', '', undefined, 'answer-lost'],
    ['InternalFailure', '', 500, 'ses-unavailable'],
    ['504', '', 504, 'ses-unavailable'],
  ])('%s %s may have been accepted', (code, message, status, cause) => {
    expect(classifySesError(code, message, status)).toEqual({
      kind: 'retry',
      cause,
      pace: 'outage',
      answerLost: true,
    });
  });

  it.each([
    ['MessageRejected', 'Virus found', 'rejected-by-ses'],
    ['InvalidParameterValue', "Missing final '@domain'", 'invalid-for-ses'],
    ['BadRequestException', 'Local address contains control or whitespace', 'invalid-for-ses'],
  ])('%s (%s) is never sent', (code, message, cause) => {
    expect(classifySesError(code, message, 400)).toEqual({ kind: 'never', cause });
  });

  it.each(['RequestEntityTooLargeException', '413', 'UnknownError'])(
    'HTTP 413 is never sent, whatever its code: %s',
    (code) => {
      expect(classifySesError(code, '', 413)).toEqual({ kind: 'never', cause: 'too-large-for-ses' });
    },
  );
});
