import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import * as v from 'valibot';
import { MAX_SOFT_BOUNCES, QUEUE_RETENTION_DAYS } from '../domain/limits.ts';

const regions = RegionInfo.regions.filter((region) => region.partition === 'aws').map(({ name }) => name);

/** CloudWatch Logs keeps logs for these numbers of days and no others. */
const logRetentions = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

/**
 * What is left of a mail goes back to the queue as a new message, and what is parked is one again: SQS keeps each for a
 * retention of its own.
 */
const MAX_WAY_DAYS = 3 * QUEUE_RETENTION_DAYS;

/** SQS hides a message for at most 12 hours, and waiting for an event is hiding the message. */
const MAX_EVENT_WAIT_SECONDS = 12 * 60 * 60;

/** Lambda takes 4 KB of environment variables in all; half of it is left for the others. */
const MAX_TENANTS_CHARACTERS = 2048;

/** More people than that are a mailing list, or a subscription of another kind, made by hand. */
const MAX_ALARM_ADDRESSES = 10;

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

/** `-c name=value` gives strings, cdk.json gives numbers; both are taken. */
const wholeNumber = (least: number, most: number, what: string) =>
  v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number))]),
    v.integer(),
    v.minValue(least),
    v.maxValue(most),
    v.description(`a whole number from ${least} to ${most}${what}`),
  );

const flag = v.pipe(
  v.union([
    v.boolean(),
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((text) => text === 'true'),
    ),
  ]),
  v.description('true or false'),
);

/** What each setting may be, with the words that a wrong one is answered with. */
const entries = {
  /** Stands at the front of every name and in the tag `project`. */
  project: v.pipe(
    v.string(),
    v.regex(/^[a-z][a-z0-9-]{0,19}$/),
    v.description('1 to 20 lower-case letters, digits and dashes, a letter first'),
  ),
  stage: v.pipe(v.picklist(['dev', 'prod']), v.description('dev or prod')),
  /** The domain that SES sends for, and that every From must belong to. */
  domain: v.pipe(
    v.string(),
    v.maxLength(253),
    v.regex(new RegExp(`^(${label}\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)),
    v.description('a domain name in lower case, such as keybuzz.io'),
  ),
  mailFromSubdomain: v.pipe(
    v.string(),
    v.regex(new RegExp(`^${label}$`)),
    v.notValue('mail'),
    v.description(
      'one label in lower case, such as bounce, but not mail: mail.<domain> (mail.keybuzz.io) is the host of ' +
        "mail-core itself, and the MX of a MAIL FROM domain must be SES's",
    ),
  ),
  region: v.pipe(v.picklist(regions), v.description(`one of ${regions.join(', ')}`)),
  /** Keeps a stage out of an account it does not belong in; without it the credentials of the deploy decide. */
  account: v.pipe(
    v.string(),
    v.regex(/^\d{12}$/),
    v.description('an AWS account id, 12 digits as a string, or left out'),
  ),
  /** IAM allows 64 characters; four are kept for the suffix of the dev stage. */
  userName: v.pipe(
    v.string(),
    v.regex(/^[\w+=,.@-]{1,60}$/),
    v.description('1 to 60 letters, digits and _ + = , . @ -'),
  ),
  /** One higher makes a new access key and writes it to the secret; the old one is deleted. */
  accessKeySerial: wholeNumber(0, 1_000_000, ', never lower than before'),
  hostedZoneId: v.pipe(
    v.string(),
    v.regex(/^Z[A-Z0-9]{3,31}$/),
    v.description(
      'the id of the public Route 53 zone of the domain, Z and then capitals and digits, or left out',
    ),
  ),
  /** A domain that already has a DMARC record in the zone keeps it with `false`. */
  publishDmarc: flag,
  // A payload that went before its envelope would leave a mail that nobody can send.
  payloadRetentionDays: wholeNumber(
    MAX_WAY_DAYS,
    365,
    `; an envelope needs its payload for up to ${QUEUE_RETENTION_DAYS} days in the queue, as long again for what is left of it, and once more in the dead letters`,
  ),
  logRetentionDays: v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number))]),
    v.picklist(logRetentions),
    v.description(`one of ${logRetentions.join(', ')}`),
  ),
  maximumConcurrency: wholeNumber(2, 1000, ''),
  feedbackMaximumConcurrency: wholeNumber(2, 1000, ''),
  // A try of an envelope that the ledger has forgotten would send its mail again.
  ledgerRetentionDays: wholeNumber(
    MAX_WAY_DAYS,
    365,
    `; an envelope may be tried for up to ${QUEUE_RETENTION_DAYS} days, as long again for what is left of it, and once more after a redrive`,
  ),
  softBounceLimit: wholeNumber(1, MAX_SOFT_BOUNCES, ''),
  softBounceWindowDays: wholeNumber(1, 90, ''),
  suppressionExemptTenants: v.pipe(
    v.union([v.array(v.string()), v.pipe(v.string(), v.transform(commaSeparated))]),
    v.array(v.pipe(v.string(), v.regex(/^[!-+\--~]{1,128}$/))),
    v.check((tenants) => tenants.join(',').length <= MAX_TENANTS_CHARACTERS),
    v.description(
      'a list of tenant ids, or one text with a comma between each two; each id of 1 to 128 printable ASCII ' +
        `characters without space and comma, all together up to ${MAX_TENANTS_CHARACTERS}`,
    ),
  ),
  eventWaitLeastSeconds: eventWait(),
  eventWaitDefaultSeconds: eventWait(),
  eventWaitMostSeconds: eventWait(),
  alarms: v.pipe(v.picklist(['essential', 'all', 'none']), v.description('essential, all or none')),
  /** Each gets a mail with a link that it must follow before alarms reach it. */
  alarmEmail: v.pipe(
    v.union([v.array(v.string()), v.pipe(v.string(), v.transform(commaSeparated))]),
    v.array(v.pipe(v.string(), v.maxLength(254), v.regex(/^[^\s@,]{1,64}@[^\s@,]+\.[^\s@,]+$/))),
    v.maxLength(MAX_ALARM_ADDRESSES),
    v.description(
      `a list of up to ${MAX_ALARM_ADDRESSES} addresses, or one text with a comma between each two, or left empty`,
    ),
  ),
  /** Where the team reads docs/runbook.md; the heading of the alarm is appended. */
  runbookUrl: v.pipe(
    v.string(),
    v.maxLength(200),
    v.regex(/^(https:\/\/[^\s#]+)?$/),
    v.description('an https URL without #, of at most 200 characters, or left empty'),
  ),
  dashboards: flag,
  workerMetrics: flag,
};

function commaSeparated(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

function eventWait() {
  return wholeNumber(1, MAX_EVENT_WAIT_SECONDS, ', in the order least, default, most');
}

/** The context object of cdk.json that holds the settings. */
const NAMESPACE = 'mail';

const settingsSchema = v.strictObject({
  project: v.optional(entries.project, 'keybuzz'),
  stage: v.optional(entries.stage, 'dev'),
  domain: v.optional(entries.domain, 'keybuzz.io'),
  mailFromSubdomain: v.optional(entries.mailFromSubdomain, 'bounce'),
  region: v.optional(entries.region, 'eu-west-1'),
  account: v.optional(entries.account),
  userName: v.optional(entries.userName, 'keybuzz-ses'),
  accessKeySerial: v.optional(entries.accessKeySerial, 0),
  hostedZoneId: v.optional(entries.hostedZoneId),
  publishDmarc: v.optional(entries.publishDmarc, true),
  payloadRetentionDays: v.optional(entries.payloadRetentionDays, MAX_WAY_DAYS),
  logRetentionDays: v.optional(entries.logRetentionDays, 30),
  maximumConcurrency: v.optional(entries.maximumConcurrency, 2),
  feedbackMaximumConcurrency: v.optional(entries.feedbackMaximumConcurrency, 2),
  ledgerRetentionDays: v.optional(entries.ledgerRetentionDays, 90),
  softBounceLimit: v.optional(entries.softBounceLimit, 3),
  softBounceWindowDays: v.optional(entries.softBounceWindowDays, 7),
  suppressionExemptTenants: v.optional(entries.suppressionExemptTenants, []),
  eventWaitLeastSeconds: v.optional(entries.eventWaitLeastSeconds, 60),
  eventWaitDefaultSeconds: v.optional(entries.eventWaitDefaultSeconds, 900),
  eventWaitMostSeconds: v.optional(entries.eventWaitMostSeconds, 3600),
  alarms: v.optional(entries.alarms, 'essential'),
  alarmEmail: v.optional(entries.alarmEmail, []),
  runbookUrl: v.optional(entries.runbookUrl, ''),
  dashboards: v.optional(entries.dashboards, true),
  workerMetrics: v.optional(entries.workerMetrics, false),
});

/** What a team sets for its own deployment. */
export type Settings = Readonly<v.InferOutput<typeof settingsSchema>>;

/** What each setting does, for docs/settings.md; what it may be is said beside its schema. */
export const SETTING_MEANINGS: Readonly<Record<keyof Settings, string>> = {
  project: 'front of all resource names, and a tag',
  stage: 'which deployment; both fit into one account',
  domain: 'the domain that SES sends for; every From must belong to it',
  mailFromSubdomain: 'the MAIL FROM domain below `domain`; its MX points to SES',
  region: 'where everything is deployed',
  account: 'the deploy refuses any other account; without it the credentials decide',
  userName: "the API's IAM user; the stage dev appends `-dev`",
  accessKeySerial: 'one more replaces the access key: a new one goes into the secret, the old one is deleted',
  hostedZoneId: 'if set, the deploy writes the DNS records to this zone',
  publishDmarc: 'set false if the zone already has a DMARC record',
  payloadRetentionDays: 'how long large content stays in S3',
  logRetentionDays: 'how long CloudWatch keeps the logs of the Lambdas',
  maximumConcurrency: 'batches that the resend Lambda processes at a time',
  feedbackMaximumConcurrency: 'batches of events that the feedback Lambda processes at a time',
  ledgerRetentionDays: 'how long the ledger remembers a sent mail and prevents a second send',
  softBounceLimit: 'this many soft bounces suppress a recipient',
  softBounceWindowDays: 'if they fall within this many days',
  suppressionExemptTenants: 'tenants whose mail is sent in spite of soft bounces',
  eventWaitLeastSeconds: 'after a lost SES response, a mail waits at least this long for the Send event',
  eventWaitDefaultSeconds:
    'the same, while too few events were measured, or none of a later mail has arrived',
  eventWaitMostSeconds:
    'upper limit of the measured wait; while events are queued the mail waits on, for up to 12 hours',
  alarms: 'which alarms are created',
  alarmEmail: 'who gets the alarms; each must confirm by a link first',
  runbookUrl:
    'base of the runbook links in alarms, for instance its page in your repository; empty: `docs/runbook.md`',
  dashboards: 'whether the dashboards are created',
  workerMetrics: 'lets the worker publish to CloudWatch; adds three alarms and a row to the dashboard *Mail*',
};

export type SettingsReading =
  | { readonly kind: 'valid'; readonly settings: Settings }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Reads the settings from the context of the CDK app: the object `mail` of cdk.json, overridden one by one
 * with `-c stage=prod` (or `-c mail.stage=prod`).
 */
export function readSettings(context: Readonly<Record<string, unknown>>): SettingsReading {
  const fromFile = context[NAMESPACE] ?? {};
  if (typeof fromFile !== 'object' || Array.isArray(fromFile)) {
    return invalid([line(NAMESPACE, fromFile, `an object with ${names()}`)]);
  }
  const given: Record<string, unknown> = { ...fromFile, ...overrides(context) };
  const parsed = v.safeParse(settingsSchema, given);
  if (parsed.success) return inOrder(parsed.output);
  const wrong = new Set(parsed.issues.map((issue) => String(issue.path?.[0].key)));
  return invalid([...wrong].map((name) => line(name, given[name], allowed(name))));
}

/** Each of the waits may be right by itself; the default must lie between the other two. */
function inOrder(settings: Settings): SettingsReading {
  const { eventWaitLeastSeconds: least, eventWaitDefaultSeconds, eventWaitMostSeconds: most } = settings;
  if (least <= eventWaitDefaultSeconds && eventWaitDefaultSeconds <= most) return { kind: 'valid', settings };
  const range = `from eventWaitLeastSeconds (${least}) to eventWaitMostSeconds (${most})`;
  return invalid([line('eventWaitDefaultSeconds', eventWaitDefaultSeconds, range)]);
}

/**
 * The context of an app also holds what belongs to the CDK, always with a dash, colon or at sign in its name.
 * A plain word can only be meant for us; were `-c stgae=prod` let through, the wrong stage would be deployed.
 */
function overrides(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const prefix = `${NAMESPACE}.`;
  return Object.fromEntries(
    Object.entries(context).flatMap(([key, value]) => {
      if (key.startsWith(prefix)) return [[key.slice(prefix.length), value]];
      return key !== NAMESPACE && /^\w+$/.test(key) ? [[key, value]] : [];
    }),
  );
}

function allowed(name: string): string {
  const entry = Object.entries(entries).find(([key]) => key === name)?.[1];
  return entry === undefined
    ? `nothing, there is no such setting; the settings are ${names()}`
    : (v.getDescription(entry) ?? '');
}

function names(): string {
  return Object.keys(entries).join(', ');
}

function line(name: string, value: unknown, what: string): string {
  return `  ${name} = ${JSON.stringify(value)}, allowed: ${what}`;
}

function invalid(lines: readonly string[]): SettingsReading {
  const head = `Wrong settings, in "${NAMESPACE}" of the context in cdk.json or given with -c:`;
  return { kind: 'invalid', message: [head, ...lines].join('\n') };
}
