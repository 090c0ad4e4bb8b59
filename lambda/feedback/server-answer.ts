import { enhancedStatusOf, MAX_RESPONSE_CHARACTERS } from '../../lib/message/failure.ts';

/** What a recipient's server said; absent is what it did not say. */
export interface ServerAnswer {
  readonly smtpResponse?: string;
  readonly enhancedStatus?: string;
}

/**
 * Reads the answer of a recipient's server as SES tells it.
 *
 * @param text the words, with or without the `smtp;` of a Diagnostic-Code (RFC 3464, 2.3.6)
 * @param status the Status of RFC 3464, 2.3.4, where SES tells one; some servers write words behind it
 */
export function readServerAnswer(
  text: string | null | undefined,
  status?: string | null | undefined,
): ServerAnswer {
  const smtpResponse = cleaned((text ?? '').replace(/^\s*smtp\s*;/i, ''));
  const enhancedStatus = STATUS.exec(status ?? '')?.[1] ?? enhancedStatusOf(smtpResponse);
  return {
    ...(smtpResponse === '' ? {} : { smtpResponse }),
    ...(enhancedStatus === undefined ? {} : { enhancedStatus }),
  };
}

const STATUS = /^\s*([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** On one line, of bounded length. A character that is cut in half is no text that DynamoDB could keep. */
function cleaned(text: string): string {
  return text
    .slice(0, 2 * MAX_RESPONSE_CHARACTERS)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_RESPONSE_CHARACTERS)
    .toWellFormed();
}
