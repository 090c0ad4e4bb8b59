import type { SesErrorClass } from '../../ports/senders.ts';

/**
 * What each answer of SES means for a mail. v1 and v2 name the same things differently; both stand here.
 *
 * - https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html
 * - https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 * - https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
 */
interface KnownError {
  readonly codes: readonly string[];
  /** Where one code stands for several things, the message tells them apart. */
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

/** The first entry that fits decides. */
const KNOWN_ERRORS: readonly KnownError[] = [
  { codes: THROTTLED, message: /daily message quota/i, verdict: retry('daily-quota', 'hours') },
  { codes: THROTTLED, verdict: retry('sending-rate', 'rate') },
  {
    // Only AWS Support lifts it.
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
  // A stop by AWS itself: "Sending paused for this account. …"
  {
    codes: ['MessageRejected'],
    message: /\b(?:paused|suspended|disabled)\b/i,
    verdict: retry('sending-paused', 'hours'),
  },
  // The operator can fix these while the mail waits: verify, leave the sandbox, deploy, grant.
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
  // The same bytes to the same recipients would be refused for ever.
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

/** The SDK's own time limit of making a connection; it has no code that tells it from the limit of an answer. */
const NO_CONNECTION_IN_TIME = /did not establish a connection/;

/** The connection was never made, so SES cannot have the mail. */
const NOT_CONNECTED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/**
 * @param code the error code of SES, or the system's where no answer came
 * @param httpStatus undefined where no answer came
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
  // The request is larger than SES takes, whatever code the front end gives it.
  if (httpStatus === 413) return never('too-large-for-ses');
  // Without an answer that can be read, or with "something broke inside", SES may have taken the mail.
  if (httpStatus === undefined || httpStatus < 400) return retry('answer-lost', 'outage', true);
  if (httpStatus >= 500) return retry('ses-unavailable', 'outage', true);
  // A word of SES that nobody has seen yet: a person shall look before a mail is given up.
  return retry('unknown-ses-error', 'hours');
}
