import * as v from 'valibot';
import { nearestName, plainName } from '../common/nearest-name.ts';
import { problemsIn } from './problems.ts';

/**
 * A structured mail: the fields of a mail, for senders without a MIME library. A row of the outbox and a
 * fallback message are read by the same rules. What a person would read in one way only is read in that way:
 * `null`, and empty text where an address belongs, are "not set"; a number is its digits; white space at the
 * ends is not meant. What was written properly is left as it is, so that its hash stays the same.
 */

/**
 * The blanks that a template leaves behind. Each character matches in one way only: no backtracking. The patterns are
 * published, so they keep to what the regular expressions of all languages have in common.
 */
const ONE_LINE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: \p{Cc} is not known to all engines.
  /^[\t\n\r ]*(?:[^\x00-\x20\x7f-\x9f]+(?:[\t ]+[^\x00-\x20\x7f-\x9f]+)*)?[\t\n\r ]*$/;

/** A line break in the middle stays an error: it would add a header field. */
function toOneLine(text: string): string {
  return /[\t\n\r]/.test(text) ? text.trim().replaceAll('\t', ' ') : text;
}

/** "Not set" may be written as `null`, or left out. */
function nullable<const Schema extends v.GenericSchema<unknown, unknown>>(
  schema: Schema,
  description: string,
) {
  return v.optional(
    v.pipe(
      v.nullable(schema),
      v.description(description),
      v.transform((value): v.InferOutput<Schema> | undefined => value ?? undefined),
    ),
  );
}

const text = v.pipe(
  v.union([v.string(), v.number()], 'text'),
  v.transform((value) => String(value)),
);

const oneLine = v.pipe(
  v.union([v.pipe(v.string(), v.regex(ONE_LINE, 'one line of text')), v.number()], 'one line of text'),
  v.transform((value) => toOneLine(String(value))),
);

const MAX_MAILBOX_CHARACTERS = 1000;

const MAILBOX_PATTERN = String.raw`(?:[^\x00-\x20\x7f-\x9f@][^\x00-\x1f\x7f-\x9f@]*)?@[^\x00-\x1f\x7f-\x9f]+`;
const GROUP_PATTERN = String.raw`[^\x00-\x20\x7f-\x9f@:;][^\x00-\x1f\x7f-\x9f@:;]*: *;`;

/** An address in a header: bare, or with a name: `"Marie" <marie@example.org>`. */
const mailbox = v.pipe(
  v.string(),
  v.maxCodePoints(MAX_MAILBOX_CHARACTERS, `at most ${MAX_MAILBOX_CHARACTERS} characters`),
  v.regex(
    new RegExp(String.raw`^[\t\n\r ]*${MAILBOX_PATTERN}(?:[\t\n\r][\t\n\r ]*)?$`),
    'an address, with or without a name, on one line',
  ),
  v.description('The author: one address of your domain, with or without a name.'),
  v.transform(toOneLine),
);

/** Besides addresses, nothing at all, or a group without members: `undisclosed-recipients:;`. */
const mailboxOrNone = v.pipe(
  v.string(),
  v.maxCodePoints(MAX_MAILBOX_CHARACTERS, `at most ${MAX_MAILBOX_CHARACTERS} characters`),
  v.regex(
    new RegExp(
      String.raw`^[\t\n\r ]*(?:${MAILBOX_PATTERN}(?:[\t\n\r][\t\n\r ]*)?|${GROUP_PATTERN}[\t\n\r ]*)?$`,
    ),
    'an address, with or without a name, on one line',
  ),
);

/** The rule that an item of a list of recipients breaks; undefined if none. */
export function findMailboxProblem(written: string): string | undefined {
  const result = v.safeParse(mailboxOrNone, written, { abortPipeEarly: true });
  return result.success ? undefined : problemsIn(result.issues)[0]?.rule;
}

function toMailbox(written: string | null): string | undefined {
  return written === null || written.trim() === '' ? undefined : toOneLine(written);
}

function mailboxes(description: string) {
  return v.optional(
    v.pipe(
      v.nullable(
        v.union([mailboxOrNone, v.array(v.nullable(mailboxOrNone))], 'an address or a list of addresses'),
      ),
      v.description(description),
      v.transform((written) =>
        Array.isArray(written)
          ? written.map(toMailbox).filter((address) => address !== undefined)
          : toMailbox(written),
      ),
    ),
  );
}

export const base64 = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/]*={0,2}$/, 'base64 (RFC 4648, 4) without line breaks'),
);

const headerName = v.pipe(
  v.string(),
  v.regex(/^[!-9;-~]{1,100}$/, 'a header name (RFC 5322, 3.6.8) of up to 100 characters'),
);

const headers = v.pipe(
  v.record(
    headerName,
    v.nullable(v.union([oneLine, v.array(oneLine)], 'one line of text or a list of them')),
  ),
  v.transform((fields) =>
    Object.fromEntries(
      Object.entries(fields).filter((field): field is [string, string | string[]] => field[1] !== null),
    ),
  ),
);

const attachmentFields = {
  filename: nullable(
    v.pipe(
      oneLine,
      v.check((name) => name.length <= 500, 'at most 500 characters'),
    ),
    'The name of the file that the recipient sees.',
  ),
  contentType: nullable(
    v.pipe(
      v.string(),
      v.regex(
        /^[\x21-\x2e\x30-\x7e]{1,127}\/[\x20-\x7e]{1,500}$/,
        'a media type such as application/pdf, with parameters up to 500 characters',
      ),
    ),
    'The media type; by default the one that the file name suggests.',
  ),
  cid: nullable(
    v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/, 'a content id without spaces')),
    'Set for an inline image that the HTML refers to as "cid:…".',
  ),
  content: v.pipe(base64, v.description('The bytes of the file in base64, without line breaks.')),
};

const attachment = v.strictObject(attachmentFields, unknownField(attachmentFields));

/** The fields of a structured mail. */
export const mailFields = {
  from: mailbox,
  to: mailboxes(
    'The header To: an address or a list of them. It is shown only; the envelope decides who gets the mail.',
  ),
  cc: mailboxes('The header Cc, like to.'),
  bcc: mailboxes('Not written into the mail. Whoever is to get a blind copy stands in envelope.to.'),
  replyTo: mailboxes('Where replies go, if not to the author.'),
  subject: nullable(oneLine, 'One line of text, in any script.'),
  text: nullable(text, 'The body as plain text.'),
  html: nullable(text, 'The body as HTML.'),
  headers: nullable(headers, 'Further header fields by their names: one value, or a list of them.'),
  attachments: nullable(v.array(attachment), 'Files, and images that the HTML shows.'),
  inReplyTo: nullable(oneLine, 'The Message-ID of the mail that this one answers.'),
  references: nullable(
    v.union([oneLine, v.array(oneLine)], 'message ids'),
    'The Message-IDs of the conversation, the oldest first.',
  ),
  empty: nullable(v.boolean(), 'True says that a mail without text, html and attachments is meant.'),
};

interface Body {
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly attachments?: readonly unknown[] | undefined;
  readonly empty?: boolean | undefined;
}

/** Somebody who wrote the text into another field must hear of it before the recipient gets an empty mail. */
export function hasContent({ text: plain, html, attachments = [], empty }: Body): boolean {
  return empty === true || Boolean(plain) || Boolean(html) || attachments.length > 0;
}

export const NO_CONTENT =
  'a mail without text, html and attachments; if it is to be empty, it has to say empty: true';

/** What senders call the fields, in lower case without `_` and `-`. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  body: 'text',
  bodytext: 'text',
  content: 'text',
  emailbody: 'text',
  message: 'text',
  plain: 'text',
  plaintext: 'text',
  textbody: 'text',
  bodyhtml: 'html',
  emailhtml: 'html',
  htmlbody: 'html',
  emailsubject: 'subject',
  title: 'subject',
  fromaddress: 'from',
  recipient: 'to',
  recipients: 'to',
  targetaddress: 'to',
  toaddress: 'to',
  toaddresses: 'to',
  ccaddresses: 'cc',
  bccaddresses: 'bcc',
  replytoaddress: 'replyTo',
  replytoaddresses: 'replyTo',
  attachment: 'attachments',
  files: 'attachments',
  header: 'headers',
  name: 'filename',
  file: 'filename',
  mimetype: 'contentType',
  type: 'contentType',
  contentid: 'cid',
  data: 'content',
  base64: 'content',
};

/** The field that goes by this other name or spelling; undefined if it is none of these fields. */
export function fieldMeant(name: string, fields: object): string | undefined {
  const plain = plainName(name);
  const known = Object.keys(fields);
  const other = Object.hasOwn(OTHER_NAMES, plain) ? OTHER_NAMES[plain] : undefined;
  return known.find((field) => plainName(field) === plain) ?? known.find((field) => field === other);
}

/** The message for an unknown field that probably is another name of this one. */
export function unknownBut(meant: string): string {
  return `an unknown field, ${meant} was probably meant`;
}

/** The message for a field that a strict object does not know: names the field that was probably meant. */
function unknownField(fields: object): (issue: v.StrictObjectIssue) => string {
  return ({ path }) => {
    const name = String(path?.at(-1)?.key ?? '').slice(0, 40);
    const meant = fieldMeant(name, fields) ?? nearestName(name, Object.keys(fields));
    return meant === undefined ? 'an unknown field' : unknownBut(meant);
  };
}

/** The content of a fallback message that the resend Lambda composes. A field that it does not know is refused. */
export const mailContent = v.pipe(
  v.strictObject(
    { type: v.pipe(v.literal('mail'), v.description('The Lambda composes the mail.')), ...mailFields },
    unknownField(mailFields),
  ),
  v.check((mail) => hasContent(mail), NO_CONTENT),
);
