import { awsErrorCode } from '../adapters/aws-error.ts';
import { maskAddressesIn } from '../message/address.ts';
import { OperatorError } from './operator-error.ts';

export interface DescribedFailure {
  readonly code: string;
  readonly message: string;
  readonly mend: string;
}

/** What an operator can do about errors that any command may meet. */
const KNOWN: readonly { readonly codes: readonly string[]; readonly mend: string }[] = [
  {
    codes: [
      'CredentialsProviderError',
      'InvalidClientTokenId',
      'UnrecognizedClientException',
      'SignatureDoesNotMatch',
    ],
    mend: 'sign in to AWS: set AWS_PROFILE or --profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  },
  {
    codes: ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'],
    mend: 'sign in to AWS again: aws sso login',
  },
  {
    codes: ['AccessDenied', 'AccessDeniedException', 'AuthorizationError'],
    mend: 'ask for the permission that the message names, or use another --profile',
  },
  {
    codes: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'TimeoutError'],
    mend: 'check the network, --region, and AWS_ENDPOINT_URL where it is set',
  },
  {
    codes: ['ThrottlingException', 'Throttling', 'TooManyRequestsException'],
    mend: 'wait a moment and try again',
  },
];

/** An error as a command tells it: never a stack trace, always something to do. */
export function describeFailure(error: unknown): DescribedFailure {
  if (error instanceof OperatorError) return { code: error.code, message: error.message, mend: error.mend };
  const code = awsErrorCode(error);
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  const mend =
    KNOWN.find(({ codes }) => codes.includes(code))?.mend ?? 'run "mailctl doctor" to see what else is wrong';
  return { code, message: maskAddressesIn(message), mend };
}
