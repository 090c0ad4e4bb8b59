import * as v from 'valibot';
import { entries, LONGEST_WAY_DAYS } from './setting-entries.ts';

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
  payloadRetentionDays: v.optional(entries.payloadRetentionDays, LONGEST_WAY_DAYS),
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
