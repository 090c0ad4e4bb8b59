import type { AwsRequest } from '../../../lib/emulators/aws/aws-fault.ts';
import type { Collector, Observe } from './collector.ts';

export interface CollectedQueue {
  /** Its name in the emulator. */
  readonly localName: string;
  /** Its name where it is deployed. */
  readonly name: string;
}

export interface QueueCollectorDeps {
  /** The endpoint of the emulator. */
  readonly endpoint: string;
  readonly queues: readonly CollectedQueue[];
  readonly observe: Observe;
}

/**
 * A message that was received more often is excluded from the age of the oldest.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
const MOST_RECEIVES_FOR_AGE = 3;

const BATCH_ENTRIES: Readonly<Record<string, 'sent' | 'deleted'>> = {
  SendMessage: 'sent',
  SendMessageBatch: 'sent',
  DeleteMessage: 'deleted',
  DeleteMessageBatch: 'deleted',
};

/** AWS/SQS, from the state of the emulator and from the calls that it receives. */
export class QueueCollector implements Collector {
  readonly #deps: QueueCollectorDeps;
  readonly #counts = new Map<string, { sent: number; deleted: number }>();

  constructor(deps: QueueCollectorDeps) {
    this.#deps = deps;
  }

  /** Counts the messages of an SQS call. */
  called({ service, action, body }: AwsRequest): void {
    const what = service === 'sqs' ? BATCH_ENTRIES[action] : undefined;
    if (what === undefined) return;
    const { QueueUrl = '', Entries } = JSON.parse(body.toString()) as {
      readonly QueueUrl?: string;
      readonly Entries?: readonly unknown[];
    };
    this.#countsOf(QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1))[what] += Entries?.length ?? 1;
  }

  /** Counts a message that a topic has published to the queue, for which there is no SQS call. */
  published(localName: string): void {
    this.#countsOf(localName).sent += 1;
  }

  async sample(nowMs: number): Promise<void> {
    await Promise.all(this.#deps.queues.map((queue) => this.#sampleQueue(queue, nowMs)));
  }

  async #sampleQueue({ localName, name }: CollectedQueue, nowMs: number): Promise<void> {
    const state = await this.#stateOf(localName);
    const { sent, deleted } = this.#countsOf(localName);
    this.#counts.delete(localName);
    const observe = (metric: string, value: number, unit: string) =>
      this.#deps.observe({
        namespace: 'AWS/SQS',
        name: metric,
        dimensions: { QueueName: name },
        at: nowMs,
        values: [value],
        unit,
      });
    observe('ApproximateNumberOfMessagesVisible', state.visible, 'Count');
    observe('ApproximateNumberOfMessagesNotVisible', state.notVisible, 'Count');
    observe('ApproximateAgeOfOldestMessage', ageSeconds(state.oldestSentMs, nowMs), 'Seconds');
    observe('NumberOfMessagesSent', sent, 'Count');
    observe('NumberOfMessagesDeleted', deleted, 'Count');
  }

  /** SQS does not report the age of messages; the emulator returns all messages in its queues. */
  async #stateOf(localName: string): Promise<QueueState> {
    const response = await fetch(`${this.#deps.endpoint}/_fauxqs/queues/${localName}`);
    const { messages } = (await response.json()) as { readonly messages: HeldMessages };
    return queueState(messages, Date.now());
  }

  #countsOf(localName: string): { sent: number; deleted: number } {
    const counts = this.#counts.get(localName) ?? { sent: 0, deleted: 0 };
    this.#counts.set(localName, counts);
    return counts;
  }
}

interface HeldMessage {
  readonly sentTimestamp: number;
  readonly approximateReceiveCount: number;
}

interface HeldMessages {
  readonly ready: readonly HeldMessage[];
  readonly delayed: readonly HeldMessage[];
  readonly inflight: readonly { readonly message: HeldMessage; readonly visibilityDeadline: number }[];
}

interface QueueState {
  readonly visible: number;
  readonly notVisible: number;
  /** Undefined if no message counts for the age. */
  readonly oldestSentMs: number | undefined;
}

/** The emulator makes a message visible again only at the next receive. */
function queueState({ ready, delayed, inflight }: HeldMessages, nowMs: number): QueueState {
  const inFlight = inflight.filter(({ visibilityDeadline }) => visibilityDeadline > nowMs);
  const held = [...ready, ...delayed, ...inflight.map(({ message }) => message)];
  const sentMs = held
    .filter(({ approximateReceiveCount }) => approximateReceiveCount <= MOST_RECEIVES_FOR_AGE)
    .map(({ sentTimestamp }) => sentTimestamp);
  return {
    visible: ready.length + inflight.length - inFlight.length,
    notVisible: inFlight.length,
    oldestSentMs: sentMs.length === 0 ? undefined : Math.min(...sentMs),
  };
}

function ageSeconds(sentMs: number | undefined, nowMs: number): number {
  return sentMs === undefined ? 0 : Math.max(0, nowMs - sentMs) / 1000;
}
