import * as v from 'valibot';
import { describeIssues, mailFields } from './fallback-message.ts';

const messageIds = v.pipe(v.string(), v.regex(/^[^\p{Cc}]*$/u, 'message ids on one line'));

/** A mail as stored in the API's database: the fields of a mail in parts, and its threading headers. */
const storedMailSchema = v.object({
  ...mailFields,
  inReplyTo: v.optional(messageIds),
  references: v.optional(v.union([messageIds, v.array(messageIds)], 'message ids')),
});

export type StoredMailFields = v.InferOutput<typeof storedMailSchema>;

export type StoredMail =
  | { readonly kind: 'mail'; readonly fields: StoredMailFields }
  /** Permanent: every attempt gives the same result. */
  | { readonly kind: 'unreadable'; readonly detail: string };

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
  const candidate = mail ?? fromTrace(deliveryTrace, targetAddress);
  const result = v.safeParse(storedMailSchema, candidate, { abortPipeEarly: true });
  if (result.success) return { kind: 'mail', fields: result.output };
  return { kind: 'unreadable', detail: describeIssues(result.issues) };
}

const traceSchema = v.object({
  fromAddress: v.optional(v.unknown()),
  replyToAddress: v.optional(v.unknown()),
  emailSubject: v.optional(v.unknown()),
  emailBody: v.optional(v.unknown()),
});

/** A JSON `null` means "not set", like a missing key. */
function fromTrace(trace: unknown, targetAddress: string | null): unknown {
  const parsed = v.safeParse(traceSchema, trace);
  if (!parsed.success) return undefined;
  const { fromAddress, replyToAddress, emailSubject, emailBody } = parsed.output;
  return {
    from: fromAddress ?? undefined,
    to: targetAddress ?? undefined,
    replyTo: replyToAddress ?? undefined,
    subject: emailSubject ?? undefined,
    text: emailBody ?? undefined,
  };
}
