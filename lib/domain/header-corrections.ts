import { findAddressProblem } from './address.ts';
import { quoteDisplayNames } from './display-names.ts';
import {
  fieldValue,
  type HeaderField,
  headerFields,
  headerValues,
  parseMailboxList,
  withHeaderFields,
} from './mime-headers.ts';

/**
 * SMTP servers take header sections that SES refuses. What has one clear reading is corrected when the mail is
 * composed; for the rest, {@link findUnsendable} says why it cannot be sent.
 */

/** RFC 5322, 2.1.1, without the CRLF; SES refuses longer lines. */
export const MAX_LINE_CHARACTERS = 998;

/** RFC 5322, 2.1.1: a line should be no longer. */
const PREFERRED_LINE_CHARACTERS = 78;

/** The receiving server writes Return-Path (RFC 5321, 4.4); in a new mail SES would take it for its sender. */
const NOT_FOR_RECIPIENTS = new Set(['bcc', 'return-path']);

const ADDRESS_FIELDS = new Set(['from', 'sender', 'to', 'cc', 'reply-to']);

/** Fields that consist of ids, addresses or URIs: without any of these they are malformed. */
const NEVER_EMPTY = new Set([
  ...ADDRESS_FIELDS,
  ...['message-id', 'in-reply-to', 'references', 'date', 'content-type', 'content-transfer-encoding'],
  ...['list-archive', 'list-help', 'list-owner', 'list-post', 'list-subscribe', 'list-unsubscribe'],
]);

/** Lists (RFC 5322, 3.6; RFC 2369, 2): two fields are one with both values. */
const SEPARATORS: ReadonlyMap<string, string> = new Map([
  ...['to', 'cc', 'reply-to', 'keywords', 'disposition-notification-to'].map((name) => [name, ','] as const),
  ...['archive', 'help', 'owner', 'post', 'subscribe', 'unsubscribe'].map((n) => [`list-${n}`, ','] as const),
  ['references', ''],
  ['in-reply-to', ''],
]);

/**
 * Fields that may stand once: those of RFC 5322 and RFC 8058, and those that SES names.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
 */
const SINGLE_FIELDS = new Set([
  ...['accept-language', 'acceptlanguage', 'archived-at', 'auto-submitted', 'bounces-to', 'cc', 'comments'],
  ...['content-alternative', 'content-base', 'content-class', 'content-description', 'content-disposition'],
  ...['content-duration', 'content-id', 'content-language', 'content-length', 'content-location'],
  ...['content-md5', 'content-transfer-encoding', 'content-type', 'date', 'delivered-to'],
  ...['disposition-notification-options', 'disposition-notification-to', 'dkim-signature'],
  ...['domainkey-signature', 'errors-to', 'from', 'importance', 'in-reply-to', 'keywords', 'list-archive'],
  ...['list-help', 'list-id', 'list-owner', 'list-post', 'list-subscribe', 'list-unsubscribe'],
  ...['list-unsubscribe-post', 'message-context', 'message-id', 'mime-version', 'organization'],
  ...['original-from', 'original-message-id', 'original-recipient', 'original-subject', 'precedence'],
  ...['priority', 'references', 'reply-to', 'return-path', 'return-receipt-to', 'sender', 'solicitation'],
  ...['sensitivity', 'subject', 'thread-index', 'thread-topic', 'to', 'user-agent', 'vbr-info'],
]);

/** The message with its header section as SES takes it; the same buffer if it was so. */
export function correctHeaders(mime: Buffer): Buffer {
  const fields = headerFields(mime);
  const corrected = mergeRepeated(fields.filter(isMeant).map(withQuotedNames)).map(folded);
  const isSame =
    corrected.length === fields.length && corrected.every(({ lines }, at) => lines === fields[at]?.lines);
  return isSame ? mime : withHeaderFields(mime, corrected);
}

function isMeant(field: HeaderField): boolean {
  if (NOT_FOR_RECIPIENTS.has(field.name)) return false;
  return !NEVER_EMPTY.has(field.name) || /[^\s<>]/.test(fieldValue(field));
}

function withQuotedNames(field: HeaderField): HeaderField {
  if (!ADDRESS_FIELDS.has(field.name)) return field;
  const value = fieldValue(field);
  const quoted = quoteDisplayNames(value);
  return quoted === value ? field : fieldOf(field, quoted);
}

/** @param value in Unicode; a field holds bytes */
function fieldOf({ name, lines }: HeaderField, value: string): HeaderField {
  const label = lines.slice(0, lines.indexOf(':'));
  return { name, lines: `${label}: ${Buffer.from(value).toString('latin1')}` };
}

/** A repeated field is where its first one was. */
function mergeRepeated(fields: readonly HeaderField[]): HeaderField[] {
  const byName = new Map<string, HeaderField[]>();
  for (const field of fields) {
    const same = byName.get(field.name);
    if (same === undefined) byName.set(field.name, [field]);
    else same.push(field);
  }
  return fields.flatMap((field) => {
    const same = byName.get(field.name) ?? [];
    const merged = SINGLE_FIELDS.has(field.name) && same.length > 1 ? mergeSame(same) : undefined;
    if (merged === undefined) return [field];
    return field === same[0] ? [merged] : [];
  });
}

/** The one field that all of the same name mean; undefined if they contradict each other. */
function mergeSame(same: readonly HeaderField[]): HeaderField | undefined {
  const [first] = same;
  if (first === undefined) return undefined;
  const values = [...new Set(same.map(fieldValue))];
  if (values.length === 1) return first;
  const separator = SEPARATORS.get(first.name);
  if (separator !== undefined) return joined(first, values, separator);
  if (first.name === 'content-type') return bodyType(same);
  // SES signs by itself, and takes one more signature; by RSA, since not every receiver verifies others.
  if (first.name === 'dkim-signature') {
    return same.find((field) => /(?:^|;)\s*a\s*=\s*rsa-/i.test(fieldValue(field))) ?? first;
  }
  return undefined;
}

function joined(first: HeaderField, values: readonly string[], separator: string): HeaderField {
  const isOfUris = first.name.startsWith('list-');
  const items = isOfUris ? [...new Set(values.flatMap((value) => value.split(/,\s*(?=<)/)))] : values;
  const inOne = fieldOf(first, items.join(`${separator} `));
  return inOne.lines.length <= PREFERRED_LINE_CHARACTERS
    ? inOne
    : fieldOf(first, items.join(`${separator}\r\n `));
}

/**
 * A composed mail has a Content-Type of its own; one among the headers of the caller repeats it, or describes
 * one of its parts. Only the one with the boundary makes a multipart body readable.
 */
function bodyType(same: readonly HeaderField[]): HeaderField | undefined {
  const multipart = same.filter((field) => /^multipart\/.*boundary=/is.test(fieldValue(field)));
  if (multipart.length > 0) return multipart.length === 1 ? multipart[0] : undefined;
  const parsed = same.map((field) => ({ field, params: contentParams(field) }));
  const fullest = parsed.reduce((one, other) => (other.params.size > one.params.size ? other : one));
  const agree = parsed.every(({ params }) => [...params].every((param) => fullest.params.has(param)));
  return agree ? fullest.field : undefined;
}

/** The media type and its parameters, for comparison. */
function contentParams(field: HeaderField): Set<string> {
  const parts = fieldValue(field).toLowerCase().replaceAll('"', '').split(';');
  return new Set(parts.map((part) => part.replaceAll(/\s/g, '')).filter((part) => part !== ''));
}

/** Folds lines that are too long where there is a blank, and lists of addresses at their commas. */
function folded(field: HeaderField): HeaderField {
  if (!hasLongLine(field.lines)) return field;
  const isPlainList = ADDRESS_FIELDS.has(field.name) && !field.lines.includes('"');
  const lines = isPlainList ? field.lines.replaceAll(/,(?=[^ \t\r])/g, ', ') : field.lines;
  const shorter = lines.split('\r\n').flatMap(foldLine).join('\r\n');
  return hasLongLine(shorter) ? field : { name: field.name, lines: shorter };
}

function hasLongLine(lines: string): boolean {
  return lines.split('\r\n').some((line) => line.length > MAX_LINE_CHARACTERS);
}

/** Each line but the first begins with a blank, and none consists of blanks. */
function foldLine(line: string): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > MAX_LINE_CHARACTERS) {
    const at = rest.lastIndexOf(' ', MAX_LINE_CHARACTERS);
    if (rest.slice(0, Math.max(at, 0)).trim() === '' || rest.slice(at).trim() === '') break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return [...lines, rest];
}

export interface UnsendableMail {
  readonly reason: 'malformed-header' | 'not-composable';
  readonly detail: string;
}

/**
 * Why SES would refuse a message that SMTP servers take; undefined if it would not.
 *
 * @param mime a message with a valid header section
 */
export function findUnsendable(mime: Buffer): UnsendableMail | undefined {
  const detail = findRepeated(mime) ?? findSenderProblem(mime);
  if (detail !== undefined) return { reason: 'malformed-header', detail };
  const long = findLongLine(mime);
  return long === undefined ? undefined : { reason: 'not-composable', detail: long };
}

function findRepeated(mime: Buffer): string | undefined {
  const names = headerFields(mime).map(({ name }) => name);
  const repeated = names.find((name, at) => SINGLE_FIELDS.has(name) && names.indexOf(name) !== at);
  if (repeated === undefined) return undefined;
  const count = names.filter((name) => name === repeated).length;
  return `the header section has ${count} different fields ${repeated}, at most one is allowed`;
}

function findSenderProblem(mime: Buffer): string | undefined {
  const from = headerValues(mime, 'from');
  if (from.length === 0) return 'the header section has no From';
  return findMailboxProblem('From', from) ?? findMailboxProblem('Sender', headerValues(mime, 'sender'));
}

/** Those of recipients are checked in the envelope, where one can be left out. */
function findMailboxProblem(name: string, values: readonly string[]): string | undefined {
  for (const value of values) {
    const addresses = parseMailboxList(value);
    if (addresses === undefined) return `the ${name} header is no plain list of addresses`;
    const problem = addresses.map(findAddressProblem).find((found) => found !== undefined);
    if (problem !== undefined) return `an address in the ${name} header: ${problem}`;
  }
  return undefined;
}

const LF = 0x0a;

/** Why a message has a line that SES refuses; undefined if it has none. */
export function findLongLine(mime: Buffer): string | undefined {
  let line = 1;
  for (let start = 0; start < mime.length; line += 1) {
    const lineFeed = mime.indexOf(LF, start);
    const next = lineFeed === -1 ? mime.length : lineFeed + 1;
    const length = next - start - (lineFeed === -1 ? 0 : 2);
    if (length > MAX_LINE_CHARACTERS) {
      return `line ${line} of the message has ${length} characters, at most ${MAX_LINE_CHARACTERS} are allowed (RFC 5322, 2.1.1)`;
    }
    start = next;
  }
  return undefined;
}
