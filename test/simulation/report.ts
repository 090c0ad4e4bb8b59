import { renderTable } from '../../lib/cli/table.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { RESEND_MEMORY_MIB } from '../../lib/infra/constructs/resend-function.ts';
import { PRICES } from '../../lib/infra/monitoring/cost.ts';
import { ASSUMED } from './assumptions.ts';
import type { Scenario } from './scenarios.ts';
import type { SimulationResult } from './simulation.ts';

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly result: SimulationResult;
}

/** In US dollars at list prices, beside SES's own. */
export interface SimulationCost {
  readonly lambda: number;
  readonly sqs: number;
  readonly dynamoDb: number;
  readonly total: number;
}

/** Each request of DynamoDB counts as one unit. */
export function costOf({ usage, state, sqsRequests }: SimulationResult): SimulationCost {
  const gibibyteSeconds = (usage.functionMs / 1000) * (RESEND_MEMORY_MIB / 1024);
  const lambda = gibibyteSeconds * PRICES.lambda.gibibyteSecond + usage.invocations * PRICES.lambda.request;
  const sqs = sqsRequests * PRICES.sqs.request;
  const dynamoDb =
    (usage.ledgerWrites + state.writes) * PRICES.dynamoDb.writeUnit +
    (usage.ledgerReads + state.reads) * PRICES.dynamoDb.readUnit;
  return { lambda, sqs, dynamoDb, total: lambda + sqs + dynamoDb };
}

interface Measure {
  readonly name: string;
  readonly of: (run: ScenarioRun) => string;
}

const MEASURES: readonly Measure[] = [
  { name: 'functions of the fallback queue', of: ({ scenario }) => count(scenario.options.concurrency) },
  { name: 'mails', of: ({ result }) => count(result.mails) },
  { name: 'sent', of: ({ result }) => count(result.sent) },
  { name: 'expired', of: ({ result }) => count(result.expired) },
  {
    name: 'dead letters after 1,000 receives / lost',
    of: ({ result }) => `${count(result.deadLetters)} / ${count(result.lost)}`,
  },
  { name: 'waiting when draining begins', of: ({ result }) => count(result.drain.waiting) },
  {
    name: 'last mail out after that / waiting mails by the quota',
    of: ({ result }) => `${duration(result.drain.tookMs)} / ${duration(result.drain.idealMs)}`,
  },
  { name: 'last urgent mail out after that', of: ({ result }) => duration(result.drain.urgentTookMs) },
  {
    name: 'share of the rate used while mail waits',
    of: ({ result: { quotaUse } }) => (quotaUse === undefined ? '' : `${(quotaUse * 100).toFixed(1)} %`),
  },
  { name: 'throttled calls', of: ({ result }) => count(result.throttled) },
  { name: 'calls beyond the daily quota', of: ({ result }) => count(result.overQuota) },
  { name: 'failed calls, nearly all probes', of: ({ result }) => count(result.failedCalls) },
  {
    name: 'receives a mail, mean / most',
    of: ({ result: { receives } }) => `${receives.mean.toFixed(2)} / ${receives.max}`,
  },
  { name: 'most in flight in a queue', of: ({ result }) => count(result.maxInFlight) },
  { name: 'urgent: median / 99 % / most', of: ({ result }) => latencies(result.urgent) },
  { name: 'normal: median / 99 % / most', of: ({ result }) => latencies(result.normal) },
  { name: 'bounces', of: ({ result }) => count(result.bounced) },
  {
    name: 'DynamoDB writes / reads a mail',
    of: ({ result: { usage, state, mails } }) =>
      `${((usage.ledgerWrites + state.writes) / mails).toFixed(2)} / ${((usage.ledgerReads + state.reads) / mails).toFixed(2)}`,
  },
  {
    name: 'of it, writes of the common state; most a second',
    of: ({ result: { state, mails } }) =>
      `${(state.writes / mails).toFixed(3)}; ${count(state.maxWritesASecond)}`,
  },
  { name: 'Lambda-seconds', of: ({ result }) => count(result.usage.functionMs / 1000) },
  { name: 'cost beside SES', of: ({ result }) => `$${costOf(result).total.toFixed(2)}` },
  {
    name: 'the same for a million mails',
    of: ({ result }) => `$${((costOf(result).total / result.mails) * 1e6).toFixed(2)}`,
  },
];

/** A column for each scenario. */
export function plainTable(runs: readonly ScenarioRun[]): string {
  return renderTable(['', ...runs.map(({ scenario }) => scenario.name)], rowsOf(runs), undefined);
}

export function markdownTable(runs: readonly ScenarioRun[]): string {
  const head = ['', ...runs.map(({ scenario }) => `\`${scenario.name}\``)];
  const lines = [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rowsOf(runs)];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What the figures stand on, as a list. */
export function assumptions(): string {
  const { sesMs, dynamoDbMs, sqsMs, toSesMs, maxInFlight, receivesToBack, expiryDays } = ASSUMED;
  return [
    `A call of SES takes ${sesMs} ms and reaches it after ${toSesMs} to ${2 * toSesMs} ms; a request of DynamoDB takes ${dynamoDbMs} ms, one of SQS ${sqsMs} ms. Every mail has one recipient.`,
    `SQS hands out messages in the order in which they were sent. One that came back keeps its place until it was received ${receivesToBack} times, and is last from then on, as [AWS documents](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html). With ${count(maxInFlight)} in flight it hands out nothing new.`,
    'Of several tenants, the one with the fewest messages in flight is first: AWS says that fair queues favour such tenants, not by which rule.',
    `Mail expires ${expiryDays} days after its creation, the default. Urgent and held mail have ${ASSUMED.otherConcurrency} functions each.`,
    'SES limits the rate by a token bucket of one second; the daily quota counts the last 24 hours; its statistics show a quarter of an hour once it is over.',
    'No function is killed, and no clock is wrong: that is what the chaos scripts are for.',
  ]
    .map((line) => `- ${line}`)
    .join('\n');
}

function rowsOf(runs: readonly ScenarioRun[]): string[][] {
  return MEASURES.map(({ name, of }) => [name, ...runs.map(of)]);
}

function latencies({ mails, medianMs, p99Ms, maxMs }: SimulationResult['urgent']): string {
  return mails === 0 ? '' : [medianMs, p99Ms, maxMs].map(duration).join(' / ');
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function duration(ms: number): string {
  if (ms < 2_000) return `${Math.round(ms)} ms`;
  if (ms < 2 * MINUTE_MS) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 2 * HOUR_MS) return `${(ms / MINUTE_MS).toFixed(1)} min`;
  return ms < 2 * DAY_MS ? `${(ms / HOUR_MS).toFixed(1)} h` : `${(ms / DAY_MS).toFixed(1)} d`;
}
