import * as v from 'valibot';

const NOTIFY = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const;

/** What the sender asks the mail server to report back to the envelope sender (RFC 3461). SES has no such request. */
export interface DsnRequest {
  /** How much of the mail a report of a failure quotes. */
  readonly ret?: 'HDRS' | 'FULL';
  /** Quoted in the report. */
  readonly envid?: string;
  readonly notify?: readonly (typeof NOTIFY)[number][];
  /** The recipient that the report names, `rfc822;` and an address. */
  readonly orcpt?: string;
}

const RET: Readonly<Record<string, 'HDRS' | 'FULL'>> = {
  HDRS: 'HDRS',
  HEADERS: 'HDRS',
  FULL: 'FULL',
  BODY: 'FULL',
};

const ret = v.pipe(
  v.string(),
  v.toUpperCase(),
  v.picklist(Object.keys(RET), 'headers or full'),
  v.transform((word) => RET[word]),
);

/** The lengths of RFC 3461, 4.2 and 4.4. */
const printable = (maximum: number) =>
  v.pipe(v.string(), v.regex(/^[\x20-\x7e]*$/, 'printable ASCII'), v.maxLength(maximum));
const envid = printable(100);
const orcpt = printable(500);

const notify = v.pipe(
  v.union([
    v.pipe(
      v.string(),
      v.transform((list) => list.split(',')),
    ),
    v.array(v.string()),
  ]),
  v.array(v.pipe(v.string(), v.trim(), v.toUpperCase(), v.picklist(NOTIFY, `of ${NOTIFY.join(', ')}`))),
  v.check((words) => words.length <= 1 || !words.includes('NEVER'), 'NEVER stands alone'),
);

/** Reads the option `dsn` in all forms that nodemailer takes, and a {@link DsnRequest} as it is. */
export const dsnSchema = v.pipe(
  v.object({
    ret: v.nullish(ret),
    return: v.nullish(ret),
    envid: v.nullish(envid),
    id: v.nullish(envid),
    notify: v.nullish(notify),
    orcpt: v.nullish(orcpt),
    recipient: v.nullish(orcpt),
  }),
  v.transform((given): DsnRequest => {
    const returned = given.ret ?? given.return;
    const id = given.envid ?? given.id;
    const recipient = given.recipient ?? given.orcpt;
    return {
      ...(returned ? { ret: returned } : {}),
      ...(id ? { envid: id } : {}),
      ...(given.notify?.length ? { notify: given.notify } : {}),
      ...(recipient ? { orcpt: recipient.includes(';') ? recipient : `rfc822;${recipient}` } : {}),
    };
  }),
);
