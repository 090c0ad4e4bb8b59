import type { IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { FEEDBACK_MEMORY_MIB } from '../../feedback-function.ts';
import { RESEND_MEMORY_MIB } from '../../resend-function.ts';
import type { PipelineMetrics } from '../pipeline-metrics.ts';
import { PRICES } from '../prices.ts';
import { COLOURS } from './colours.ts';
import type { DashboardProps } from './dashboard-props.ts';
import type { Line } from './line.ts';

/** A message is sent, received and deleted: at most three requests, fewer where they go in batches. */
const REQUESTS_OF_MESSAGE = 3;

const GIBIBYTE_MIB = 1024;
const SECOND_MS = 1000;

/**
 * About what an hour costs, by list price and without free tiers. What costs next to nothing is left out: the watch
 * function, logs, S3 and SNS.
 */
export function costGraph({ widgets, metrics }: DashboardProps, width: number): IWidget {
  const lines = [sesCost(metrics), lambdaCost(metrics), sqsCost(metrics), dynamoDbCost(metrics)];
  return widgets.graph({
    title: 'About what it costs, by list price',
    width,
    lines,
    axis: 'US dollars / hour',
    periodMinutes: 60,
    stacked: true,
  });
}

function sesCost(m: PipelineMetrics): Line {
  return {
    label: 'SES',
    color: COLOURS.ses,
    of: { mails: m.own('Resent', 'Sum'), bytes: m.own('ResentBytes', 'Sum') },
    expression: `FILL(mails, 0) * ${price(PRICES.ses.mail)} + FILL(bytes, 0) * ${price(PRICES.ses.gigabyte / 1e9)}`,
  };
}

function lambdaCost(m: PipelineMetrics): Line {
  const perMs = (memoryMib: number) =>
    price(((memoryMib / GIBIBYTE_MIB) * PRICES.lambda.gibibyteSecond) / SECOND_MS);
  return {
    label: 'Lambda',
    color: COLOURS.fallback,
    of: {
      resent: m.duration('resend', 'Sum'),
      fed: m.duration('feedback', 'Sum'),
      calls1: m.invocations('resend'),
      calls2: m.invocations('feedback'),
    },
    expression: [
      `FILL(resent, 0) * ${perMs(RESEND_MEMORY_MIB)}`,
      `FILL(fed, 0) * ${perMs(FEEDBACK_MEMORY_MIB)}`,
      `(FILL(calls1, 0) + FILL(calls2, 0)) * ${price(PRICES.lambda.request)}`,
    ].join(' + '),
  };
}

function sqsCost(m: PipelineMetrics): Line {
  const request = PRICES.sqs.request;
  return {
    label: 'SQS',
    color: COLOURS.smtp,
    of: {
      s1: m.sentTo('fallback'),
      s2: m.sentTo('feedback'),
      s3: m.sentTo('receipts'),
      e1: m.emptyReceives('fallback'),
      e2: m.emptyReceives('feedback'),
      e3: m.emptyReceives('receipts'),
    },
    expression:
      `(FILL(s1, 0) + FILL(s2, 0) + FILL(s3, 0)) * ${price(REQUESTS_OF_MESSAGE * request)} + ` +
      `(FILL(e1, 0) + FILL(e2, 0) + FILL(e3, 0)) * ${price(request)}`,
  };
}

function dynamoDbCost(m: PipelineMetrics): Line {
  const { writeUnit, readUnit } = PRICES.dynamoDb;
  return {
    label: 'DynamoDB',
    color: COLOURS.neutral,
    of: {
      w1: m.writeUnits('ledger'),
      w2: m.writeUnits('suppression'),
      r1: m.readUnits('ledger'),
      r2: m.readUnits('suppression'),
    },
    expression:
      `(FILL(w1, 0) + FILL(w2, 0)) * ${price(writeUnit)} + ` +
      `(FILL(r1, 0) + FILL(r2, 0)) * ${price(readUnit)}`,
  };
}

/** Metric math knows no exponents. */
function price(dollars: number): string {
  return dollars.toFixed(15).replace(/0+$/, '');
}
