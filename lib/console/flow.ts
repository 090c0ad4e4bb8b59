import { type SmtpState, smtpStateOf } from './headline.ts';
import type { OverviewSnapshot, QueueName, QueueNow, SendingNow } from './sources/overview.ts';
import { readValue } from './sources/reading.ts';
import { count, type Tone } from './view.ts';

/** The way of a mail, with what is on it now. */
export interface Flow {
  readonly nodes: Readonly<Record<NodeName, FlowNode>>;
  readonly arrows: Readonly<Record<ArrowName, FlowArrow>>;
}

export type NodeName =
  | 'rows'
  | 'worker'
  | 'smtp'
  | 'queues'
  | 'resend'
  | 'ses'
  | 'deadLetters'
  | 'feedback'
  | 'receipts';

export type ArrowName =
  | 'claimed'
  | 'accepted'
  | 'handedOver'
  | 'received'
  | 'sent'
  | 'deadLettered'
  | 'events'
  | 'statuses'
  | 'written';

export interface FlowNode {
  readonly title: string;
  readonly lines: readonly string[];
  readonly tone: Tone;
  /** The page with more about it. */
  readonly href?: string;
}

interface FlowArrow {
  readonly text: string;
  readonly tone: Tone;
}

/** What is not known is shown as such, never as 0. */
const UNKNOWN = '?';

export function flowOf(snapshot: OverviewSnapshot): Flow {
  const outbox = readValue(snapshot.outbox);
  const queues = readValue(snapshot.queues) ?? {};
  const sending = readValue(snapshot.sending);
  const smtp = smtpStateOf(snapshot);
  const known = (value: number | undefined, word: string) =>
    `${value === undefined ? UNKNOWN : count(value)} ${word}`;
  const inQueue = (name: QueueName) => totalOf(queues[name]);
  const dead = inQueue('deadLetters');
  const backlog = sum(inQueue('urgent'), inQueue('normal'));
  const isStuck = sending?.outage !== undefined && (backlog ?? 0) > 0;
  return {
    nodes: {
      rows: {
        title: 'API rows',
        lines: [known(outbox?.waiting, 'wait'), ...(outbox?.onHold ? [known(outbox.onHold, 'on hold')] : [])],
        tone: outbox === undefined ? 'dim' : 'good',
        href: '/deliveries?status=queued',
      },
      worker: {
        title: 'worker',
        lines: [known(outbox?.inHand, 'in hand')],
        tone: workerTone(snapshot),
      },
      smtp: { title: 'mail-core (SMTP)', lines: [smtpWord(smtp)], tone: SMTP_TONES[smtp.kind] },
      queues: {
        title: 'SQS fallback',
        lines: [
          known(inQueue('urgent'), 'urgent'),
          known(inQueue('normal'), 'normal'),
          known(inQueue('held'), 'held'),
        ],
        tone: backlog === undefined ? 'dim' : isStuck || (inQueue('held') ?? 0) > 0 ? 'warn' : 'good',
      },
      resend: resendNode(sending),
      ses: sesNode(sending),
      deadLetters: {
        title: 'dead letters',
        lines: [dead === undefined ? UNKNOWN : dead === 0 ? 'none' : `${count(dead)} need a person`],
        tone: dead === undefined ? 'dim' : dead === 0 ? 'good' : 'bad',
        href: '/dead-letters',
      },
      feedback: {
        title: 'SES events',
        lines: [known(inQueue('feedback'), 'wait')],
        tone:
          inQueue('feedback') === undefined
            ? 'dim'
            : (inQueue('feedbackDeadLetters') ?? 0) > 0
              ? 'bad'
              : 'good',
      },
      receipts: {
        title: 'receipts',
        lines: [known(inQueue('receipts'), 'wait')],
        tone: inQueue('receipts') === undefined ? 'dim' : 'good',
      },
    },
    arrows: {
      claimed: { text: known(outbox?.waiting, 'due'), tone: 'info' },
      accepted: { text: known(outbox?.accepted, 'accepted'), tone: SMTP_TONES[smtp.kind] },
      handedOver: {
        text: known(outbox?.handedOver, 'handed over'),
        tone: (outbox?.handedOver ?? 0) > 0 ? 'warn' : 'dim',
      },
      received: { text: known(backlog, 'queued'), tone: 'info' },
      sent: {
        text: sending === undefined ? UNKNOWN : `${count(sending.sentInLastDay)} by SES’s count`,
        tone: sending?.outage === undefined ? 'info' : 'bad',
      },
      deadLettered: { text: '', tone: (dead ?? 0) > 0 ? 'bad' : 'dim' },
      events: { text: known(outbox?.awaited, 'awaited'), tone: 'info' },
      statuses: {
        text: `${known(outbox?.delivered, 'delivered')}, ${known(outbox?.bounced, 'bounced')}`,
        tone: 'info',
      },
      written: { text: 'status into the row', tone: 'info' },
    },
  };
}

function resendNode(sending: SendingNow | undefined): FlowNode {
  const title = 'resend Lambda';
  if (sending === undefined) return { title, lines: [UNKNOWN], tone: 'dim' };
  if (sending.outage !== undefined) return { title, lines: ['waits for SES'], tone: 'warn' };
  return { title, lines: [`up to ${rate(sending.usedPerSecond)} a second`], tone: 'good' };
}

function sesNode(sending: SendingNow | undefined): FlowNode {
  const title = 'Amazon SES';
  if (sending === undefined) return { title, lines: [UNKNOWN], tone: 'dim' };
  if (sending.outage !== undefined)
    return { title, lines: ['takes none', sending.outage.cause], tone: 'bad' };
  return { title, lines: ['accepts'], tone: 'good' };
}

function workerTone({ worker, outbox }: OverviewSnapshot): Tone {
  if (readValue(worker)?.canHandOver === false) return 'bad';
  return worker.kind === 'read' || outbox.kind === 'read' ? 'good' : 'dim';
}

const SMTP_TONES = { accepts: 'good', fails: 'bad', idle: 'dim', 'not-known': 'dim' } as const;

function smtpWord(smtp: SmtpState): string {
  switch (smtp.kind) {
    case 'accepts':
      return 'accepts';
    case 'fails':
      return `down: ${smtp.failing?.class ?? 'see the worker'}`;
    case 'idle':
      return 'nothing sent lately';
    case 'not-known':
      return UNKNOWN;
  }
}

function totalOf(queue: QueueNow | undefined): number | undefined {
  return queue === undefined ? undefined : queue.waiting + queue.inFlight;
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

export const rate = (perSecond: number) => Number(perSecond.toFixed(1)).toLocaleString('en');
