import type { SendMailOptions } from 'nodemailer';
import type { MimeNodeEnvelope } from 'nodemailer/lib/mime-node';
import { isPlainMail } from './write-at-once.ts';

/** Fields that are written into the message and nothing more; for others nodemailer does more with the mail. */
const WRITTEN_FIELDS = new Set([
  ...['from', 'to', 'cc', 'bcc', 'replyTo', 'subject', 'text', 'html', 'headers', 'attachments'],
  ...['inReplyTo', 'references', 'messageId', 'date', 'baseBoundary'],
  // The mailer's own, which nodemailer does not know.
  ...['id', 'tenantId', 'expiresAt', 'urgent', 'tags'],
]);

/** Fields of the caller that name no recipient and no sender. */
const WITHOUT_ADDRESSES = /^(?:X|List)-[A-Za-z-]+$|^(?:Auto-Submitted|Precedence|Feedback-ID)$/i;

const ADDRESS = String.raw`[\w+-]+(?:\.[\w+-]+)*@(?!xn--|[^@]*\.xn--)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,63}`;

/** An address that every parser reads alike, alone or after a name of words. */
const MAILBOX = new RegExp(
  `^(?:(?<bare>${ADDRESS})|(?<name>[A-Za-z0-9]+(?: [A-Za-z0-9]+)*) <(?<named>${ADDRESS})>)$`,
);

interface Mailbox {
  readonly name: string;
  readonly address: string;
}

interface ParsedMail {
  /** With its addresses parsed. */
  readonly fields: SendMailOptions;
  readonly envelope: MimeNodeEnvelope;
}

/**
 * Reads the addresses of a plain mail. nodemailer would parse them for the envelope and again for each header field, which
 * takes longer than all else that it does for a short mail.
 *
 * @returns undefined for what only nodemailer reads: other fields, or addresses in any other form
 */
export function parsePlainMail(mail: SendMailOptions): ParsedMail | undefined {
  if (!isPlainMail(mail) || !hasWrittenFieldsOnly(mail)) return undefined;
  const [from, to, cc, bcc, replyTo] = [mail.from, mail.to, mail.cc, mail.bcc, mail.replyTo].map(mailboxesOf);
  if (!from || !to || !cc || !bcc || !replyTo || from.length !== 1) return undefined;
  const recipients = [...to, ...cc, ...bcc].map(({ address }) => address);
  return {
    // Without its members a list would still be a field.
    fields: {
      ...mail,
      from,
      to,
      ...asField('cc', cc),
      ...asField('bcc', bcc),
      ...asField('replyTo', replyTo),
    },
    envelope: { from: from[0]?.address ?? false, to: recipients },
  };
}

function hasWrittenFieldsOnly(mail: SendMailOptions): boolean {
  const { headers = {} } = mail;
  const given = Object.entries(mail).filter(([, value]) => value !== undefined);
  return (
    given.every(([name]) => WRITTEN_FIELDS.has(name)) &&
    !Array.isArray(headers) &&
    Object.keys(headers).every((name) => WITHOUT_ADDRESSES.test(name))
  );
}

const asField = (name: string, mailboxes: Mailbox[]) => (mailboxes.length === 0 ? {} : { [name]: mailboxes });

/** None for a field that is not set; undefined if one of its mailboxes is in any other form. */
function mailboxesOf(given: unknown): Mailbox[] | undefined {
  if (given === undefined || given === null || given === '') return [];
  if (Array.isArray(given) && given.length === 0) return undefined;
  const mailboxes = [given].flat().map(mailboxOf);
  return mailboxes.every((mailbox) => mailbox !== undefined) ? mailboxes : undefined;
}

function mailboxOf(given: unknown): Mailbox | undefined {
  const { bare, name = '', named } = (typeof given === 'string' && MAILBOX.exec(given)?.groups) || {};
  const address = bare ?? named;
  return address === undefined ? undefined : { name, address };
}
