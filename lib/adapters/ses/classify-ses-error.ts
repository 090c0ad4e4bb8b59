import type { SesErrorClass } from '../../ports/senders.ts';

/**
 * What each SES error means for a mail. v1 and v2 use different names for the same errors; both are listed.
 *
 * - https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html
 * - https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 * - https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
 */
interface KnownError {
  readonly codes: readonly string[];
  /** Distinguishes by message if one code has several meanings. */
  readonly message?: RegExp;
  readonly verdict: SesErrorClass;
}

const retry = (cause: string, pace: 'rate' | 'outage' | 'hours', answerLost = false): SesErrorClass => ({
  kind: 'retry',
  cause,
  pace,
  answerLost,
});

const never = (cause: string): SesErrorClass => ({ kind: 'never', cause });

const THROTTLED = ['Throttling', 'ThrottlingException', 'TooManyRequestsException', 'LimitExceededException'];

/** The first match decides. */
const KNOWN_ERRORS: readonly KnownError[] = [
  { codes: THROTTLED, message: /daily message quota/i, verdict: retry('daily-quota', 'hours') },
  { codes: THROTTLED, verdict: retry('sending-rate', 'rate') },
  {
    // Only AWS Support can lift it.
    codes: ['AccountSuspendedException'],
    verdict: retry('account-suspended', 'hours'),
  },
  {
    codes: [
      'AccountSendingPausedException',
      'SendingPausedException',
      'ConfigurationSetSendingPausedException',
    ],
    verdict: retry('sending-paused', 'hours'),
  },
  // Paused by AWS itself: "Sending paused for this account. …"
  {
    codes: ['MessageRejected'],
    message: /\b(?:paused|suspended|disabled)\b/i,
    verdict: retry('sending-paused', 'hours'),
  },
  // The operator can fix these while the mail waits: verify, leave the sandbox, deploy, grant access.
  {
    codes: ['MessageRejected', 'MailFromDomainNotVerifiedException'],
    message: /not verified/i,
    verdict: retry('identity-not-verified', 'hours'),
  },
  { codes: ['MailFromDomainNotVerifiedException'], verdict: retry('identity-not-verified', 'hours') },
  {
    codes: ['ConfigurationSetDoesNotExist', 'ConfigurationSetDoesNotExistException', 'NotFoundException'],
    verdict: retry('configuration-set-missing', 'hours'),
  },
  {
    codes: [
      'AccessDenied',
      'AccessDeniedException',
      'CredentialsProviderError',
      'ExpiredToken',
      'ExpiredTokenException',
      'IncompleteSignature',
      'InvalidClientTokenId',
      'MissingAuthenticationToken',
      'OptInRequired',
      'RequestExpired',
      'SignatureDoesNotMatch',
      'UnrecognizedClientException',
    ],
    verdict: retry('access-denied', 'hours'),
  },
  // SES will always refuse the same bytes to the same recipients.
  { codes: ['MessageRejected'], verdict: never('rejected-by-ses') },
  {
    codes: ['InvalidParameterValue', 'InvalidParameterCombination', 'BadRequestException', 'ValidationError'],
    verdict: never('invalid-for-ses'),
  },
  {
    codes: ['ServiceUnavailable', 'ServiceUnavailableException'],
    verdict: retry('ses-unavailable', 'outage'),
  },
];

/** The SDK's connection timeout; it has no code that distinguishes it from the response timeout. */
const NO_CONNECTION_IN_TIME = /did not establish a connection/;

/** No connection was established, so SES cannot have the mail. */
const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/**
 * @param code the SES error code, or the system error code if there was no response
 * @param httpStatus undefined if there was no response
 */
export function classifySesError(
  code: string,
  message: string,
  httpStatus: number | undefined,
): SesErrorClass {
  const known = KNOWN_ERRORS.find(
    (error) => error.codes.includes(code) && (error.message === undefined || error.message.test(message)),
  );
  if (known !== undefined) return known.verdict;
  if (NOT_CONNECTED.includes(code) || NO_CONNECTION_IN_TIME.test(message))
    return retry('ses-unreachable', 'outage');
  // The request is larger than SES accepts, whatever code its front end returns.
  if (httpStatus === 413) return never('too-large-for-ses');
  // Without a readable response, or after an internal error, SES may have accepted the mail.
  if (httpStatus === undefined || httpStatus < 400) return retry('answer-lost', 'outage', true);
  if (httpStatus >= 500) return retry('ses-unavailable', 'outage', true);
  // An unknown SES error: an operator should look before a mail is given up.
  return retry('unknown-ses-error', 'hours');
}
