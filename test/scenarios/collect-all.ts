import { monitoringNames, resourceNames } from '../../lib/common/names.ts';
import { workerMetricNamespace } from '../../lib/domain/metrics.ts';
import type { LocalPipeline } from '../../lib/emulators/pipeline.ts';
import { QueueCollector } from '../support/cloudwatch/collect-queues.ts';
import { SendingCollector } from '../support/cloudwatch/collect-sending.ts';
import { TableCollector } from '../support/cloudwatch/collect-tables.ts';
import { WorkerCollector } from '../support/cloudwatch/collect-worker.ts';
import type { Collector, Observe } from '../support/cloudwatch/collector.ts';

/** The deployment that a local run simulates: the defaults of the settings. */
const PROJECT = 'keybuzz';
const STAGE = 'dev';

export const DEPLOYED_NAMES = resourceNames({ project: PROJECT, stage: STAGE, userName: 'keybuzz-ses' });

export const ACCOUNT_METRICS_FUNCTION = monitoringNames({
  project: PROJECT,
  stage: STAGE,
}).accountMetricsFunction;

/** Subscribes to all parts of the pipeline; what no event reports is sampled. */
export function collectAll(pipeline: LocalPipeline, observe: Observe): readonly Collector[] {
  return [
    collectQueues(pipeline, observe),
    collectTables(pipeline, observe),
    collectSending(pipeline, observe),
    new WorkerCollector({
      healthUrl: pipeline.worker.healthUrl,
      namespace: workerMetricNamespace(PROJECT),
      stage: STAGE,
      observe,
    }),
  ];
}

function collectQueues({ services: { aws, ses, ...queues } }: LocalPipeline, observe: Observe): Collector {
  const pairs = [
    [aws.fallback, DEPLOYED_NAMES.fallbackQueue],
    [aws.urgent, DEPLOYED_NAMES.urgentQueue],
    [aws.held, DEPLOYED_NAMES.heldQueue],
    [aws.deadLetters, DEPLOYED_NAMES.deadLetterQueue],
    [queues.feedback, DEPLOYED_NAMES.feedbackQueue],
    [queues.feedbackDeadLetters, DEPLOYED_NAMES.feedbackDeadLetterQueue],
    [queues.receipts, DEPLOYED_NAMES.receiptsQueue],
  ] as const;
  const collector = new QueueCollector({
    endpoint: aws.endpoint,
    queues: pairs.map(([{ arn }, name]) => ({ localName: nameIn(arn), name })),
    observe,
  });
  aws.subscribe((call) => collector.called(call));
  ses.subscribeToEvents(() => collector.published(nameIn(queues.feedback.arn)));
  return collector;
}

function nameIn(queueArn: string): string {
  return queueArn.slice(queueArn.lastIndexOf(':') + 1);
}

function collectTables({ services: { dynamoDb } }: LocalPipeline, observe: Observe): Collector {
  const tables = [
    { localName: dynamoDb.ledgerTable, name: DEPLOYED_NAMES.ledgerTable },
    { localName: dynamoDb.suppressionTable, name: DEPLOYED_NAMES.suppressionTable },
  ];
  const collector = new TableCollector(dynamoDb, tables, observe);
  dynamoDb.subscribe((call, fault) => collector.called(call, fault));
  return collector;
}

function collectSending({ services: { ses } }: LocalPipeline, observe: Observe): Collector {
  const collector = new SendingCollector(observe);
  ses.subscribeToEvents((event) => collector.told(event));
  return collector;
}
