import { isIP } from 'node:net';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { describeProblem, describeProblems, listSettings, parseSettings, setting } from '../common/config.ts';
import { contextOverrides, MAIL_CONTEXT } from '../common/mail-context.ts';
import { DEPLOYMENT_DEFAULTS as DEFAULTS } from '../common/names.ts';
import {
  allowed,
  DOMAIN_LABEL,
  domainName,
  integer,
  matching,
  oneOf,
  projectName,
} from '../common/schemas.ts';
import { MAX_SOFT_BOUNCES, QUEUE_RETENTION_DAYS } from '../domain/limits.ts';

/** The Regions of the partition `aws` in which SES sends: https://docs.aws.amazon.com/general/latest/gr/ses.html */
const REGIONS_OF_SES: readonly string[] = [
  'af-south-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-south-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-5',
  'ca-central-1',
  'ca-west-1',
  'eu-central-1',
  'eu-central-2',
  'eu-north-1',
  'eu-south-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
];

/** CloudWatch Logs keeps logs for these numbers of days and no others. */
const logRetentions = Object.values(RetentionDays).filter(
  (days): days is RetentionDays => typeof days === 'number' && days !== RetentionDays.INFINITE,
);

/**
 * A continuation is a new message in the queue, and so is a dead letter: SQS keeps each of them for its own retention.
 */
const MAX_IN_QUEUES_DAYS = 3 * QUEUE_RETENTION_DAYS;

/** A message waits for an event by its visibility timeout, which SQS limits to 12 hours. */
const MAX_EVENT_WAIT_SECONDS = 12 * 60 * 60;

/** Lambda accepts 4 KB of environment variables in total; half of it is for the others. */
const MAX_TENANTS_CHARACTERS = 2048;

/** For more people, use a mailing list or subscribe them by hand. */
const MAX_ALARM_ADDRESSES = 10;

/** `-c name=value` gives text, cdk.json gives numbers; both are accepted. */
const digits = v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number));

function wholeNumber(min: number, max: number, reason = '') {
  const number = integer(min, max);
  return v.pipe(
    v.union([number, v.pipe(digits, number)]),
    allowed(`a whole number from ${min} to ${max}${reason}`),
  );
}

const trueOrFalse = v.pipe(
  v.union([
    v.boolean(),
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((text) => text === 'true'),
    ),
  ]),
  allowed('true or false'),
);

const list = v.union([
  v.array(v.string()),
  v.pipe(
    v.string(),
    v.transform((text) => (text === '' ? [] : text.split(','))),
  ),
]);

const mailFromSubdomain = v.pipe(
  v.string(),
  v.regex(new RegExp(`^${DOMAIN_LABEL}$`)),
  v.notValue('mail'),
  allowed(
    'one label in lower case, such as bounce, but not mail: mail.<domain> (mail.keybuzz.io) is the host of ' +
      "mail-core itself, and the MX of a MAIL FROM domain must be SES's",
  ),
);

const hostedZoneId = matching(
  /^Z[A-Z0-9]{3,31}$/,
  'the id of the public Route 53 zone of the domain, Z and then capitals and digits, or left out',
);

const logRetention = v.pipe(
  v.union([v.number(), digits]),
  v.picklist(logRetentions),
  allowed(`one of ${logRetentions.join(', ')}`),
);

const tenants = v.pipe(
  list,
  v.array(v.pipe(v.string(), v.regex(/^[!-+\--~]{1,128}$/))),
  v.check((ids) => ids.join(',').length <= MAX_TENANTS_CHARACTERS),
  allowed(
    'a list of tenant ids, or one text with a comma between each two; each id of 1 to 128 printable ASCII ' +
      `characters without space and comma, all together up to ${MAX_TENANTS_CHARACTERS}`,
  ),
);

const addresses = v.pipe(
  list,
  v.array(v.pipe(v.string(), v.maxLength(254), v.regex(/^[^\s@,]{1,64}@[^\s@,]+\.[^\s@,]+$/))),
  v.maxLength(MAX_ALARM_ADDRESSES),
  allowed(
    `a list of up to ${MAX_ALARM_ADDRESSES} addresses, or one text with a comma between each two, or left empty`,
  ),
);

const sourceAddresses = v.pipe(
  list,
  v.array(v.pipe(v.string(), v.check(isAddressRange))),
  v.maxLength(50),
  allowed('a list of up to 50 IP addresses or ranges such as 203.0.113.7/32, or left empty for any'),
);

/** IPv4 or IPv6, with or without the length of a prefix (RFC 4632). */
function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = { 0: undefined, 4: 32, 6: 128 }[isIP(address)];
  if (bits === undefined || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

const runbookUrl = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(/^(https:\/\/[^\s#]+)?$/),
  allowed('an https URL without #, of at most 200 characters, or left empty'),
);

const eventWait = wholeNumber(1, MAX_EVENT_WAIT_SECONDS, ', in the order least, default, most');

const settingsSchema = v.object({
  project: setting(v.optional(projectName, DEFAULTS.project), {
    description: 'front of all resource names, and a tag',
  }),
  stage: setting(v.optional(oneOf(['dev', 'prod']), DEFAULTS.stage), {
    description: 'which deployment; both fit into one account',
  }),
  domain: setting(v.optional(domainName, DEFAULTS.domain), {
    description: 'the domain that SES sends for; every From must belong to it',
  }),
  existingIdentity: setting(v.optional(trueOrFalse, false), {
    description:
      'set true if SES has the domain already and another stack or a person owns it: it is used, and neither created nor changed',
  }),
  mailFromSubdomain: setting(v.optional(mailFromSubdomain, DEFAULTS.mailFromSubdomain), {
    description: 'the MAIL FROM domain below `domain`; its MX points to SES',
  }),
  region: setting(v.optional(oneOf(REGIONS_OF_SES), DEFAULTS.region), {
    description: 'where everything is deployed; a Region in which SES sends',
  }),
  account: setting(
    v.optional(matching(/^\d{12}$/, 'an AWS account id, 12 digits as a string, or left out')),
    {
      description: 'the deploy refuses any other account; without it the credentials decide',
    },
  ),
  userName: setting(
    // IAM allows 64 characters; four are kept for the suffix of the dev stage.
    v.optional(
      matching(/^[\w+=,.@-]{1,60}$/, '1 to 60 letters, digits and _ + = , . @ -'),
      DEFAULTS.userName,
    ),
    { description: "the API's IAM user; the stage dev appends `-dev`" },
  ),
  allowedSourceAddresses: setting(v.optional(sourceAddresses, []), {
    description:
      "the only IP addresses from which the API's key works, those of the cluster's NAT; empty: from anywhere",
  }),
  hostedZoneId: setting(v.optional(hostedZoneId), {
    description: 'if set, the deploy writes the DNS records to this zone',
  }),
  publishDmarc: setting(v.optional(trueOrFalse, true), {
    description: 'set false if the zone already has a DMARC record',
  }),
  tlsPolicy: setting(v.optional(oneOf(['optional', 'require']), 'optional'), {
    description:
      'whether SES may send to a mail server without TLS, as mail-core does; with `require` such mail waits for 14 hours and bounces',
  }),
  // If a payload expired before its message, the mail could no longer be sent.
  payloadRetentionDays: setting(
    v.optional(
      wholeNumber(
        MAX_IN_QUEUES_DAYS,
        365,
        `; a message needs its payload for up to ${QUEUE_RETENTION_DAYS} days in the queue, as long again as a continuation, and once more in the dead letters`,
      ),
      MAX_IN_QUEUES_DAYS,
    ),
    { description: 'how long large content stays in S3' },
  ),
  logRetentionDays: setting(v.optional(logRetention, 30), {
    description: 'how long CloudWatch keeps the logs of the Lambdas',
  }),
  maximumConcurrency: setting(v.optional(wholeNumber(2, 1000), 2), {
    description:
      'batches of each queue that the resend Lambda processes at a time; one sends about 40 mails a second',
  }),
  feedbackMaximumConcurrency: setting(v.optional(wholeNumber(2, 1000), 2), {
    description: 'batches of events that the feedback Lambda processes at a time',
  }),
  // If the ledger forgot a message that is still tried, its mail would be sent again.
  ledgerRetentionDays: setting(
    v.optional(
      wholeNumber(
        MAX_IN_QUEUES_DAYS,
        365,
        `; a message may be tried for up to ${QUEUE_RETENTION_DAYS} days, as long again as a continuation, and once more after a redrive`,
      ),
      90,
    ),
    {
      description: 'how long the ledger remembers a sent mail and prevents a second send',
    },
  ),
  softBounceLimit: setting(v.optional(wholeNumber(1, MAX_SOFT_BOUNCES), 3), {
    description: 'this many soft bounces suppress a recipient',
  }),
  softBounceWindowDays: setting(v.optional(wholeNumber(1, 90), 7), {
    description: 'if they fall within this many days',
  }),
  suppressionExemptTenants: setting(v.optional(tenants, []), {
    description: 'tenants whose mail is sent in spite of soft bounces',
  }),
  reputationFuse: setting(v.optional(trueOrFalse, true), {
    description:
      'before bounces or complaints reach the level at which AWS reviews the account, hold mail that is not urgent to addresses never delivered to',
  }),
  eventWaitLeastSeconds: setting(v.optional(eventWait, 60), {
    description: 'after a lost SES response, a mail waits at least this long for the Send event',
  }),
  eventWaitDefaultSeconds: setting(v.optional(eventWait, 900), {
    description: 'the same, while too few events were measured, or none of a later mail has arrived',
  }),
  eventWaitMostSeconds: setting(v.optional(eventWait, 3600), {
    description:
      'upper limit of the measured wait; while events are queued the mail waits on, for up to 12 hours',
  }),
  alarms: setting(v.optional(oneOf(['essential', 'all', 'none']), 'essential'), {
    description: 'which alarms are created',
  }),
  accountMonitoring: setting(v.optional(oneOf(['dev', 'prod']), 'prod'), {
    description:
      'the stage that watches what belongs to the whole account: quota and rates of SES, with the dashboard *Reputation*; both stages would alarm twice and pay twice',
  }),
  mailPerHourLimit: setting(v.optional(wholeNumber(1, 1_000_000), 5000), {
    description:
      'more messages than this in the fallback queue within an hour raise the alarm unusual-volume; set it to twice your busiest hour',
  }),
  alarmEmail: setting(v.optional(addresses, []), {
    description: 'who gets the alarms; each must confirm by a link first',
  }),
  runbookUrl: setting(v.optional(runbookUrl, ''), {
    description:
      'base of the runbook links in alarms, for instance its page in your repository; empty: `docs/runbook.md`',
  }),
  dashboards: setting(v.optional(trueOrFalse, true), { description: 'whether the dashboards are created' }),
  workerMetrics: setting(v.optional(trueOrFalse, false), {
    description: 'lets the worker publish to CloudWatch; adds three alarms and a row to the dashboard *Mail*',
  }),
});

export const PIPELINE_SETTINGS = listSettings(settingsSchema);

/** What a team sets for its own deployment. */
export type Settings = Readonly<v.InferOutput<typeof settingsSchema>>;

export type SettingsReading =
  | { readonly kind: 'valid'; readonly settings: Settings }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Reads the settings from the context of the CDK app: the object `mail` of cdk.json, overridden one by one
 * with `-c stage=prod` (or `-c mail.stage=prod`).
 */
export function readSettings(context: Readonly<Record<string, unknown>>): SettingsReading {
  const fromFile = context[MAIL_CONTEXT] ?? {};
  if (typeof fromFile !== 'object' || Array.isArray(fromFile)) {
    const names = PIPELINE_SETTINGS.map(({ name }) => name).join(', ');
    return invalid([describeProblem(MAIL_CONTEXT, fromFile, `an object with ${names}`)]);
  }
  const given = contextOverrides(context);
  const misplaced = SHARED.filter((name) => name in given).map((name) =>
    describeProblem(name, given[name], ONLY_IN_FILE),
  );
  const read = parseSettings(settingsSchema, { ...fromFile, ...given });
  if (read.kind !== 'read') return invalid([...misplaced, ...read.problems]);
  return misplaced.length > 0 ? invalid(misplaced) : checkOrder(read.settings);
}

/**
 * What the identity stack is made of, which both stages share. Forgotten on one command line, it would take the records or
 * the domain away from the other stage.
 */
const SHARED = ['domain', 'existingIdentity', 'mailFromSubdomain', 'hostedZoneId', 'publishDmarc'];

const ONLY_IN_FILE = 'cdk.json alone, not -c: both stages share it, and every deploy must have the same';

/** Each of the waits may be allowed alone; the default must lie between the other two. */
function checkOrder(settings: Settings): SettingsReading {
  const { eventWaitLeastSeconds: least, eventWaitDefaultSeconds, eventWaitMostSeconds: most } = settings;
  if (least <= eventWaitDefaultSeconds && eventWaitDefaultSeconds <= most) return { kind: 'valid', settings };
  const range = `from eventWaitLeastSeconds (${least}) to eventWaitMostSeconds (${most})`;
  return invalid([describeProblem('eventWaitDefaultSeconds', eventWaitDefaultSeconds, range)]);
}

function invalid(problems: readonly string[]): SettingsReading {
  const source = `in "${MAIL_CONTEXT}" of the context in cdk.json or given with -c`;
  return { kind: 'invalid', message: describeProblems(problems, source) };
}
