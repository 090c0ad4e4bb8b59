import * as v from 'valibot';
import type { RefusedAddress } from './delivery.ts';
import { describeIssues, type FieldNames } from './problems.ts';
import {
  fieldMeant,
  findMailboxProblem,
  hasContent,
  mailFields,
  NO_CONTENT,
  unknownBut,
} from './structured-mail.ts';

/**
 * A mail as stored in the API's database. Other fields are the API's own and are ignored, unless one of them
 * looks like a field of the mail that is not set.
 */
const storedMailSchema = v.pipe(
  v.unknown(),
  v.rawCheck(({ dataset, addIssue }) => {
    const mail = dataset.value;
    if (typeof mail !== 'object' || mail === null) return;
    for (const { name, meant, value } of misnamedFields(mail)) {
      const path: v.UnknownPathItem = { type: 'unknown', origin: 'key', input: mail, key: name, value };
      addIssue({ message: unknownBut(meant), path: [path] });
    }
  }),
  v.object(mailFields),
  v.check((mail) => hasContent(mail), NO_CONTENT),
);

function misnamedFields(mail: object): { name: string; meant: string; value: unknown }[] {
  const set = new Map(Object.entries(mail).filter(([, value]) => value !== null && value !== ''));
  return [...set].flatMap(([name, value]) => {
    const meant = Object.hasOwn(mailFields, name) ? undefined : fieldMeant(name, mailFields);
    return meant === undefined || set.has(meant) ? [] : [{ name, meant, value }];
  });
}

export type StoredMailFields = v.InferOutput<typeof storedMailSchema>;

export type StoredMail =
  | {
      readonly kind: 'mail';
      readonly fields: StoredMailFields;
      /** Recipients that are no addresses; the mail is for the others. */
      readonly refused?: readonly RefusedAddress[];
    }
  /** Permanent: every attempt gives the same result. */
  | { readonly kind: 'unreadable'; readonly reason?: 'too-large'; readonly detail: string };

/** The columns of a row that hold its mail. */
export interface StoredColumns {
  /** The column `mail`, a whole message; null if the API wrote none. */
  readonly mail: unknown;
  /** The column `delivery_trace`, which holds a plain mail in four fields. */
  readonly deliveryTrace: unknown;
  readonly targetAddress: string | null;
}

/** Reads the mail of a row: the whole message, if any, else the four fields of the trace. Never throws. */
export function readStoredMail({ mail, deliveryTrace, targetAddress }: StoredColumns): StoredMail {
  const isWhole = mail !== null && mail !== undefined;
  const { candidate, refused } = withoutNonAddresses(
    isWhole ? mail : fromTrace(deliveryTrace, targetAddress),
  );
  const result = v.safeParse(storedMailSchema, candidate, { abortPipeEarly: true });
  if (result.success) {
    return { kind: 'mail', fields: result.output, ...(refused.length === 0 ? {} : { refused }) };
  }
  return { kind: 'unreadable', detail: describeIssues(result.issues, isWhole ? {} : NAMES_IN_ROW) };
}

const RECIPIENT_FIELDS = ['to', 'cc', 'bcc'] as const;

/** Leaves out of lists what is no address, unless no recipient would be left. */
function withoutNonAddresses(mail: unknown): { candidate: unknown; refused: RefusedAddress[] } {
  if (typeof mail !== 'object' || mail === null) return { candidate: mail, refused: [] };
  const given = Object.entries(mail).filter(([name]) => RECIPIENT_FIELDS.some((field) => field === name));
  const named = given.flatMap(([, value]) => value).filter((one) => typeof one === 'string' && one !== '');
  const refused = given
    .flatMap(([, value]) => (Array.isArray(value) ? value : []))
    .flatMap((address): RefusedAddress[] => {
      const detail = typeof address === 'string' ? findMailboxProblem(address) : undefined;
      return detail === undefined ? [] : [{ address, detail }];
    });
  if (refused.length === 0 || refused.length === named.length) return { candidate: mail, refused: [] };
  const addresses = new Set(refused.map(({ address }) => address));
  const kept = given.map(([name, value]) => [
    name,
    Array.isArray(value) ? value.filter((one) => !addresses.has(one)) : value,
  ]);
  return { candidate: { ...mail, ...Object.fromEntries(kept) }, refused };
}

/** What a row calls the fields if it has no column `mail`. */
const NAMES_IN_ROW: FieldNames = {
  from: 'fromAddress',
  to: 'target_address',
  replyTo: 'replyToAddress',
  subject: 'emailSubject',
  text: 'emailBody',
  message: 'delivery_trace',
};

const traceSchema = v.object({
  fromAddress: v.optional(v.unknown()),
  replyToAddress: v.optional(v.unknown()),
  emailSubject: v.optional(v.unknown()),
  emailBody: v.optional(v.unknown()),
  empty: v.optional(v.unknown()),
});

function fromTrace(trace: unknown, targetAddress: string | null): unknown {
  const parsed = v.safeParse(traceSchema, trace);
  if (!parsed.success) return undefined;
  const { fromAddress, replyToAddress, emailSubject, emailBody, empty } = parsed.output;
  return {
    from: fromAddress,
    to: targetAddress,
    replyTo: replyToAddress,
    subject: emailSubject,
    text: emailBody,
    empty,
  };
}
