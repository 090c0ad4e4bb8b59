import { RESEND_BATCH_SIZE } from '../../lambda/resend/constants.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { ASSUMED } from './assumptions.ts';
import type { Arrivals, SimulationOptions } from './simulation.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What happens, in a sentence. */
  readonly story: string;
  /** What the drain time counts from. */
  readonly drainsAfter: string;
  readonly options: SimulationOptions;
}

/**
 * From one receive of a function to the next: receive, suppression list, state read and written, SES call, result,
 * receipts, delete.
 */
const BATCH_MS = 3 * ASSUMED.sqsMs + 4 * ASSUMED.dynamoDbMs + ASSUMED.sesMs + ASSUMED.dynamoDbMs;

/** What races for the common state and batches that are not full cost. */
const HEADROOM = 1.5;

/** `maximumConcurrency` for a quota: enough functions to keep it busy with full batches, at least two. */
function functionsFor(perSecond: number): number {
  const busy = (perSecond * BATCH_MS) / 1000 / RESEND_BATCH_SIZE;
  return Math.max(2, Math.ceil(busy * HEADROOM));
}

function split(mails: number, urgentShare: number, times: Pick<Arrivals, 'fromMs' | 'toMs'>): Arrivals[] {
  const urgent = Math.round(mails * urgentShare);
  return [
    { ...times, mails: mails - urgent },
    { ...times, mails: urgent, isUrgent: true },
  ];
}

const SMTP_OUTAGE_MS = 12 * HOUR_MS;
const A_MILLION = 1_000_000;

function smtpOutage(perSecond: number, perDay?: number): Scenario {
  const limit = perDay === undefined ? '' : ` and ${perDay.toLocaleString('en')} a day`;
  return {
    name: perDay === undefined ? `smtp-outage-${perSecond}` : `smtp-outage-${perSecond}-daily`,
    title: `1,000,000 mails an hour for 12 hours, at ${perSecond.toLocaleString('en')} a second${limit}`,
    story: '5 % are urgent, and each mail expires four days after its creation.',
    drainsAfter: 'the end of the SMTP outage',
    options: {
      arrivals: split(12 * A_MILLION, 0.05, { fromMs: 0, toMs: SMTP_OUTAGE_MS }),
      account: { perSecond, perDay },
      concurrency: functionsFor(perSecond),
      sampleMs: perSecond < 100 ? 20 * MINUTE_MS : 5 * MINUTE_MS,
    },
  };
}

const SES_OUTAGE = { fromMs: HOUR_MS, toMs: 49 * HOUR_MS };

function sesOutage(kind: 'unreachable' | 'paused'): Scenario {
  return {
    name: kind === 'paused' ? 'ses-pause' : 'ses-outage',
    title: `48 hours in which SES ${kind === 'paused' ? 'has paused the account' : 'cannot be reached'}`,
    story: '20,000 mails arrive from half an hour before until it ends, 5 % of them urgent, at 14 a second.',
    drainsAfter: 'the end of the outage of SES',
    options: {
      arrivals: split(20_000, 0.05, { fromMs: HOUR_MS / 2, toMs: SES_OUTAGE.toMs }),
      account: { perSecond: 14, faults: [{ kind, ...SES_OUTAGE }] },
      concurrency: functionsFor(14),
      sampleMs: 10 * MINUTE_MS,
      drainFromMs: SES_OUTAGE.toMs,
    },
  };
}

const STORM = { fromMs: 4 * HOUR_MS, toMs: 6 * HOUR_MS };

function bounceStorm(hasFuse: boolean): Scenario {
  return {
    name: hasFuse ? 'bounce-storm' : 'bounce-storm-no-fuse',
    title: `20,000 mails to unknown addresses, of which 25 % bounce${hasFuse ? '' : ', without the fuse'}`,
    story:
      'They arrive within two hours, beside 4 mails a second to known addresses and 2,000 urgent ones a day.',
    drainsAfter: 'the last arrival',
    options: {
      arrivals: [
        { mails: 4 * 86_400, fromMs: 0, toMs: DAY_MS, bounceShare: 0.005 },
        { mails: 2_000, fromMs: 0, toMs: DAY_MS, isUrgent: true, isKnown: false, bounceShare: 0.01 },
        { mails: 20_000, ...STORM, isKnown: false, bounceShare: 0.25 },
      ],
      account: { perSecond: 14 },
      concurrency: functionsFor(14),
      hasFuse,
      sampleMs: 5 * MINUTE_MS,
    },
  };
}

const OTHER_TENANTS = Array.from({ length: 50 }, (_, index) => `tenant-${index + 1}`);

export const SCENARIOS: readonly Scenario[] = [
  smtpOutage(14),
  smtpOutage(14, 50_000),
  smtpOutage(200),
  smtpOutage(1_000),
  sesOutage('unreachable'),
  sesOutage('paused'),
  {
    name: 'daily-quota',
    title: '80,000 mails a day for three days, at 50,000 in 24 hours',
    story: '2 % are urgent; SES takes 14 a second.',
    drainsAfter: 'the last arrival',
    options: {
      arrivals: split(240_000, 0.02, { fromMs: 0, toMs: 3 * DAY_MS }),
      account: { perSecond: 14, perDay: 50_000 },
      concurrency: functionsFor(14),
      sampleMs: 20 * MINUTE_MS,
    },
  },
  bounceStorm(true),
  bounceStorm(false),
  {
    name: 'flood',
    title: '500,000 mails of one tenant in ten minutes, at 200 a second',
    story: '50 other tenants hand over 100 mails each within the hour, and 1,000 urgent ones together.',
    drainsAfter: 'the last arrival',
    options: {
      arrivals: [
        { mails: 500_000, fromMs: 5 * MINUTE_MS, toMs: 15 * MINUTE_MS, tenants: ['flood'] },
        { mails: 5_000, fromMs: 0, toMs: HOUR_MS, tenants: OTHER_TENANTS },
        { mails: 1_000, fromMs: 0, toMs: HOUR_MS, tenants: OTHER_TENANTS, isUrgent: true },
      ],
      account: { perSecond: 200 },
      concurrency: functionsFor(200),
      sampleMs: 30_000,
    },
  },
];
