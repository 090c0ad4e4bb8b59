import { errorCode, messageOf } from '../common/errors.ts';
import { maskAddressesIn } from './address.ts';

/** The code is for the search, the message says what to do; a very long one quotes input. */
const MAX_MESSAGE = 500;

/** An adapter's error for a log line: its code, and its message with all addresses masked. */
export function loggedError(error: unknown): { readonly code: string; readonly message: string } {
  return { code: errorCode(error), message: maskAddressesIn(messageOf(error)).slice(0, MAX_MESSAGE) };
}
