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
    codes: ['AccessDenied', 'AccessDeniedException', 'AuthorizationError', 'AuthorizationErrorException'],
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

/** What is to be done about an error that nobody has foreseen. */
export const LOOK_FURTHER = 'run "mailctl doctor" to see what else is wrong';

/** An error as a command tells it: never a stack trace, always something to do. */
export function describeFailure(error: unknown): DescribedFailure {
  if (error instanceof OperatorError) return { code: error.code, message: error.message, mend: error.mend };
  const code = awsErrorCode(error);
  const mend = KNOWN.find(({ codes }) => codes.includes(code))?.mend ?? LOOK_FURTHER;
  return { code, message: maskAddressesIn(messageOf(error) || code), mend };
}

/** A host with several addresses fails with an error for each of them, and says nothing itself. */
function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  if ('message' in error && error.message !== '') return String(error.message);
  const errors = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  return errors.map(messageOf).join('; ');
}
