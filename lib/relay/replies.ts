import * as v from 'valibot';
import { findAddressProblem, needsSmtpUtf8 } from '../domain/address.ts';
import { addressSchema } from '../domain/fallback-message.ts';
import type { CompleteRelaySettings } from './settings.ts';

/** A reply of the relay; its text begins with its enhanced status code (RFC 3463). */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

export const NO_ROOM: Reply = { code: 452, text: '4.3.1 no room for this mail now, try again later' };

/** SES sends nothing without a sender; a mail server that has a bounce to deliver is to keep it and try by itself. */
export function nullSenderReply(isBehind: boolean): Reply {
  return isBehind
    ? { code: 451, text: '4.7.1 a bounce cannot go this way, deliver it by yourself' }
    : { code: 550, text: '5.7.1 mail without a sender is not accepted' };
}

export function foreignReply(
  { foreignSender }: Pick<CompleteRelaySettings, 'foreignSender'>,
  detail: string,
): Reply {
  return foreignSender === 'defer'
    ? { code: 451, text: `4.7.1 ${detail}` }
    : { code: 550, text: `5.7.1 ${detail}` };
}

export function recipientReply(address: string): Reply | undefined {
  const problem = problemOf(address);
  if (problem === undefined) return undefined;
  const code = needsSmtpUtf8(address) ? '5.6.7' : '5.1.3';
  return { code: 553, text: `${code} the recipient cannot be used: ${problem}` };
}

/** By the rules of both routes. */
export function problemOf(address: string): string | undefined {
  const result = v.safeParse(addressSchema, address, { abortPipeEarly: true });
  if (!result.success) return `it is not ${result.issues[0].message}`;
  return findAddressProblem(address);
}

/** A parameter that was not offered is refused (RFC 5321, 4.1.1.11): its sender would count on it. */
export function parameterReply(
  args: Readonly<Record<string, unknown>> | false,
  known: readonly string[],
): Reply | undefined {
  const unknown = Object.keys(args || {}).some((name) => !known.includes(name));
  return unknown ? { code: 555, text: '5.5.4 a parameter that is not offered' } : undefined;
}
