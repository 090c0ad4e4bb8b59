import { awsErrorCode, awsErrorStatus } from '../adapters/aws-client.ts';
import { maskAddressesIn } from '../domain/address.ts';
import { OperatorError } from './errors.ts';
import type { FixHints } from './hints.ts';

export interface DescribedFailure {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

type Fix = (commands: FixHints | undefined, message: string) => string;

const SIGN_IN =
  'sign in to AWS: set AWS_PROFILE or --profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';

/** Matched by message: the SDK gives these errors an ambiguous name, or none. The first match wins. */
const BY_MESSAGE: readonly { readonly pattern: RegExp; readonly fix: Fix }[] = [
  { pattern: /aws sso login/, fix: signInAgain },
  { pattern: /using profile: \[|^Profile .+ could not be found/, fix: noSuchProfile },
  {
    pattern: /^Region is missing|^Region not accepted|^Invalid region/i,
    fix: () => 'set --region or AWS_REGION to a Region of AWS, such as eu-west-1',
  },
];

/** Fixes for errors that any command may hit. */
const BY_CODE: readonly { readonly codes: readonly string[]; readonly fix: Fix }[] = [
  {
    codes: [
      'CredentialsProviderError',
      'TokenProviderError',
      'InvalidClientTokenId',
      'UnrecognizedClientException',
      'SignatureDoesNotMatch',
    ],
    fix: () => SIGN_IN,
  },
  { codes: ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'], fix: signInAgain },
  {
    codes: ['AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'AuthorizationErrorException'],
    fix: () => 'ask for the permission that the message names, or use another --profile',
  },
  {
    codes: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'TimeoutError'],
    fix: () => 'check the network, --region, and AWS_ENDPOINT_URL where it is set',
  },
  { codes: ['ECONNRESET', 'EPIPE'], fix: () => 'the connection broke off: try again' },
  {
    codes: ['ThrottlingException', 'Throttling', 'TooManyRequestsException'],
    fix: () => 'wait a moment and try again',
  },
];

/**
 * Describes an error for the operator: never a stack trace, always with a fix.
 *
 * @param commands if given, commands in the fix name the same deployment and profile
 */
export function describeFailure(error: unknown, commands?: FixHints): DescribedFailure {
  if (error instanceof OperatorError) return { code: error.code, message: error.message, fix: error.fix };
  const code = awsErrorCode(error);
  const message = messageOf(error) || code;
  return { code, message: maskAddressesIn(message), fix: fixFor(error, message, commands) };
}

function fixFor(error: unknown, message: string, commands: FixHints | undefined): string {
  const known =
    BY_MESSAGE.find(({ pattern }) => pattern.test(message)) ??
    BY_CODE.find(({ codes }) => codes.includes(awsErrorCode(error)));
  if (known !== undefined) return known.fix(commands, message);
  if ((awsErrorStatus(error) ?? 0) >= 500)
    return 'the trouble is on the side of AWS: wait a moment and try again';
  return lookFurther(commands);
}

/** The fix for an unexpected error. */
export function lookFurther(commands: FixHints | undefined): string {
  return commands === undefined
    ? 'run "mailctl doctor" with the same --stage and --profile to see what else is wrong'
    : `run "${commands.mailctl('doctor')}" to see what else is wrong`;
}

function signInAgain(commands: FixHints | undefined): string {
  return `sign in to AWS again: ${commands?.ssoLogin ?? 'aws sso login --profile NAME'}`;
}

/** The SDK names the profile only in its message. */
function noSuchProfile(_commands: FixHints | undefined, message: string): string {
  const [, bracketed, plain] =
    /using profile: \[([^\]]*)\]|^Profile '?(.+?)'? could not be found/.exec(message) ?? [];
  const name = JSON.stringify(bracketed ?? plain);
  return `the AWS configuration files have no credentials of a profile ${name}: give another by --profile or AWS_PROFILE (aws configure list-profiles names them), or make it: aws configure sso`;
}

/** An AggregateError, such as for a host with several addresses, has no message: join those of its errors. */
function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('message' in error && error.message !== '') return String(error.message);
  const errors = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  return errors.map(messageOf).join('; ');
}
