import addressparser from 'nodemailer/lib/addressparser';
import type { SesMail } from './mail.ts';
import { headerValue, headerValues, type MessageHeader, readMessageHeader } from './message-header.ts';
import type { CommonHeaders, EventMail } from './ses-event.ts';

/** Documented: headers past 10 KB are left out. */
const MAX_HEADER_BYTES = 10 * 1024;

/** The account that the local queues and topics belong to, too. */
const ACCOUNT_ID = '000000000000';

/** Addresses that are kept for documentation (RFC 5737). */
const SOURCE_IP = '192.0.2.10';

const OPERATION = { v1: 'SendRawEmail', v2: 'SendEmail' } as const;

/** Where a mail was sent from. */
export interface MailOrigin {
  readonly region: string;
  /** The verified identity that the sender belongs to. */
  readonly identity: string;
}

/**
 * The mail as an event describes it. The tags that SES adds are those of
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-fine-grained.html and the operation.
 */
export function eventMail(mail: SesMail, { region, identity }: MailOrigin): EventMail {
  const header = readMessageHeader(mail.raw);
  const headers = header.fields.map(({ name, value }) => ({ name, value }));
  const kept = withinBytes(headers, MAX_HEADER_BYTES);
  return {
    timestamp: mail.at.toISOString(),
    source: mail.source,
    sourceArn: `arn:aws:ses:${region}:${ACCOUNT_ID}:identity/${identity}`,
    sendingAccountId: ACCOUNT_ID,
    messageId: mail.sesMessageId,
    destination: mail.recipients,
    headersTruncated: kept.length < headers.length,
    headers: kept,
    commonHeaders: commonHeaders(header, mail),
    tags: {
      'ses:operation': [OPERATION[mail.api]],
      ...(mail.configurationSet !== undefined && { 'ses:configuration-set': [mail.configurationSet] }),
      'ses:source-ip': [SOURCE_IP],
      'ses:from-domain': [mail.source.slice(mail.source.lastIndexOf('@') + 1)],
      'ses:caller-identity': ['local'],
      ...Object.fromEntries(Object.entries(mail.tags).map(([name, value]) => [name, [value]])),
    },
  };
}

function withinBytes<Header extends { readonly name: string; readonly value: string }>(
  headers: readonly Header[],
  maxBytes: number,
): Header[] {
  let bytes = 0;
  const beyond = headers.findIndex(({ name, value }) => {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    return bytes > maxBytes;
  });
  return headers.slice(0, beyond < 0 ? headers.length : beyond);
}

/** The message id is the original one by the text of the documentation, and that of SES in its records. */
function commonHeaders(header: MessageHeader, { sesMessageId }: SesMail): CommonHeaders {
  const from = mailboxes(header, 'From');
  const to = mailboxes(header, 'To');
  const cc = mailboxes(header, 'Cc');
  const replyTo = mailboxes(header, 'Reply-To');
  const date = headerValue(header, 'Date');
  const subject = headerValue(header, 'Subject');
  return {
    ...(from.length > 0 && { from }),
    ...(to.length > 0 && { to }),
    ...(cc.length > 0 && { cc }),
    ...(replyTo.length > 0 && { replyTo }),
    ...(date !== undefined && { date }),
    messageId: headerValue(header, 'Message-ID') ?? sesMessageId,
    ...(subject !== undefined && { subject }),
  };
}

function mailboxes(header: MessageHeader, name: string): string[] {
  return headerValues(header, name)
    .flatMap((value) => addressparser(value, { flatten: true }))
    .map(({ name: person, address }) => (person === '' ? address : `${person} <${address}>`));
}
