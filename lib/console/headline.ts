import type { FailureClass } from '../domain/failure.ts';
import type {
  AlarmNow,
  OutboxNow,
  OverviewSnapshot,
  QueueNow,
  SendingNow,
  SmtpFailing,
} from './sources/overview.ts';
import { readValue } from './sources/reading.ts';
import { plural, type Tone } from './view.ts';

/** What an operator who was woken wants to know first, in words. */
export interface Headline {
  readonly tone: Tone;
  /** Whether mail flows. */
  readonly title: string;
  /** What broke, since when. */
  readonly broke: readonly Broken[];
  /** Whether mail is lost. */
  readonly loss: {
    readonly tone: Tone;
    readonly lost: string;
    /** Mails that were not sent, and are kept for a person to look at. */
    readonly person: number;
  };
}

export interface Broken {
  readonly what: string;
  /** The class of the failure, in a word. */
  readonly class: string;
  /** What the class means, and the server's own words. */
  readonly why: string;
  readonly since: Date | undefined;
  /** What becomes of the mail meanwhile. */
  readonly meanwhile: string;
  /** Where to read what to do: a heading of the runbook. */
  readonly runbook: string;
}

/** What each class means, for a reader who does not know it. */
const CLASS_WORDS: Readonly<Record<FailureClass, string>> = {
  unreachable: 'no connection to the server',
  tls: 'the TLS handshake failed, or the certificate is not trusted',
  auth: 'the server refused the login',
  deferred: 'the server refuses mail for now (4xx)',
  rejected: 'the server refuses mail for good (5xx)',
  unknown: 'the connection broke after the data: whether the server has the mail is not known',
  'circuit-open': 'the server had just failed for other mail',
  undelivered: 'the server accepted the mail and could not deliver it',
};

/** How SMTP stands. */
export type SmtpState =
  | { readonly kind: 'accepts'; readonly last: Date | undefined }
  | { readonly kind: 'fails'; readonly failing: SmtpFailing | undefined; readonly since: Date | undefined }
  /** Nothing was sent lately. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'not-known' };

/**
 * A worker that counts the server as down probes it, and is the first to know that it is back. Before it counts it as
 * down, a few mails have failed: they say so for as long.
 */
const FRESH_MS = 60_000;

export function smtpStateOf({ at, outbox, worker, alarms }: SmtpSources): SmtpState {
  const smtp = readValue(outbox)?.smtp;
  const failing = smtp?.failing;
  const isOpen = readValue(worker)?.isBreakerOpen;
  const fails = { kind: 'fails', failing, since: failing?.since } as const;
  if (isOpen === true) return fails;
  if (failing !== undefined && (isOpen === undefined || isFresh(failing, at))) return fails;
  if (smtp?.lastAccepted !== undefined || isOpen === false)
    return { kind: 'accepts', last: smtp?.lastAccepted };
  if (smtp !== undefined) return { kind: 'idle' };
  const alarm = readValue(alarms)?.inAlarm.find(({ name }) => name === FALLBACK_ALARM);
  return alarm === undefined ? { kind: 'not-known' } : { ...fails, since: alarm.since };
}

function isFresh({ last, wasLastTried }: SmtpFailing, now: Date): boolean {
  return wasLastTried && now.getTime() - last.getTime() < FRESH_MS;
}

type SmtpSources = Pick<OverviewSnapshot, 'at' | 'outbox' | 'worker' | 'alarms'>;

/** It rings while SMTP does not accept mail: without the rows and a worker, the only one to say so. */
const FALLBACK_ALARM = 'fallback-in-use';

export function headlineOf(snapshot: OverviewSnapshot): Headline {
  const smtp = smtpStateOf(snapshot);
  const sending = readValue(snapshot.sending);
  const alarms = (readValue(snapshot.alarms)?.inAlarm ?? []).filter(
    ({ severity }) => severity === 'critical',
  );
  const broke = [
    ...smtpBroken(smtp),
    ...sesBroken(sending),
    ...fallbackBroken(snapshot),
    ...alarms.map(alarmBroken),
  ];
  return { ...titleOf(smtp, sending, snapshot, alarms), broke, loss: lossOf(snapshot, broke.length > 0) };
}

function titleOf(
  smtp: SmtpState,
  sending: SendingNow | undefined,
  { outbox }: OverviewSnapshot,
  alarms: readonly AlarmNow[],
): Pick<Headline, 'tone' | 'title'> {
  const sesIsDown = sending?.outage !== undefined;
  if (smtp.kind === 'fails') {
    if (sesIsDown) return { tone: 'bad', title: 'No mail goes out' };
    return sending === undefined
      ? { tone: 'bad', title: 'mail-core is down; whether SES takes mail is not known' }
      : { tone: 'warn', title: 'Mail flows, by SES: mail-core is down' };
  }
  if (sesIsDown)
    return smtp.kind === 'not-known'
      ? { tone: 'bad', title: 'SES takes no mail' }
      : { tone: 'warn', title: 'Mail flows by mail-core; SES takes none' };
  if (alarms.length > 0)
    return { tone: 'bad', title: `In alarm: ${alarms.map(({ name }) => name).join(', ')}` };
  switch (smtp.kind) {
    case 'accepts':
      return { tone: 'good', title: 'Mail flows' };
    case 'not-known':
      return {
        tone: 'dim',
        title:
          sending === undefined
            ? 'Whether mail flows is not known'
            : 'SES takes mail; whether mail-core does is not known',
      };
    case 'idle':
      return (readValue(outbox)?.waiting ?? 0) > 0
        ? { tone: 'warn', title: 'Mail waits, and none was sent lately' }
        : { tone: 'good', title: 'Nothing is broken, and nothing waits' };
  }
}

function alarmBroken({ name, meaning, since }: AlarmNow): Broken {
  return { what: name, class: 'alarm', why: withoutStop(meaning), since, meanwhile: '', runbook: name };
}

const withoutStop = (sentence: string) => sentence.replace(/\.$/, '');

function smtpBroken(smtp: SmtpState): Broken[] {
  if (smtp.kind !== 'fails') return [];
  const { failing, since } = smtp;
  if (failing === undefined) {
    return [
      {
        what: 'mail-core (SMTP)',
        class: 'down',
        why: 'it is counted as down, and the rows do not say why',
        since,
        meanwhile: 'New mail goes out by SES.',
        runbook: 'fallback-in-use',
      },
    ];
  }
  const words = failing.words === undefined ? '' : `: “${failing.words}”`;
  return [
    {
      what: 'mail-core (SMTP)',
      class: failing.class,
      why: `${CLASS_WORDS[failing.class]}${words}`,
      since: failing.since,
      meanwhile: `Since then it did not accept ${plural(failing.mails, 'mail')}.`,
      runbook: 'fallback-in-use',
    },
  ];
}

function sesBroken(sending: SendingNow | undefined): Broken[] {
  if (sending?.outage === undefined) return [];
  const { cause, since } = sending.outage;
  return [
    {
      what: 'SES',
      class: cause,
      why: 'SES takes no mail, and is tried again by itself',
      since,
      meanwhile: 'What was handed over waits in SQS.',
      runbook: 'mail-waiting',
    },
  ];
}

function fallbackBroken({ worker }: OverviewSnapshot): Broken[] {
  if (readValue(worker)?.canHandOver !== false) return [];
  return [
    {
      what: 'the way to SQS',
      class: 'hand-over',
      why: 'the worker cannot hand mail over: its queue or bucket refuses it',
      since: undefined,
      meanwhile: 'What SMTP does not accept waits in the outbox.',
      runbook: 'fallback-in-use',
    },
  ];
}

/** Lost is what no place has any more: that is said only of places that were read. */
function lossOf({ outbox, queues }: OverviewSnapshot, isBroken: boolean): Headline['loss'] {
  const [rows, inSqs] = [readValue(outbox), readValue(queues)];
  const person = needPerson(rows, inSqs?.deadLetters);
  const unread = [
    ...(rows === undefined ? ['the outbox'] : []),
    ...(inSqs === undefined ? ['the queues'] : []),
  ].join(' and ');
  if (unread !== '')
    return { tone: 'dim', lost: `Whether mail is lost is not known: ${unread} cannot be read.`, person };
  const waiting = [inSqs?.urgent, inSqs?.normal, inSqs?.held].reduce(
    (sum, queue) => sum + (queue === undefined ? 0 : queue.waiting + queue.inFlight),
    rows?.waiting ?? 0,
  );
  const text =
    isBroken && waiting > 0
      ? `No mail is lost: ${plural(waiting, 'mail waits', 'mails wait')} to be sent.`
      : 'No mail is lost.';
  return { tone: 'good', lost: text, person };
}

/** What was not sent and will not be by itself. */
function needPerson(outbox: OutboxNow | undefined, deadLetters: QueueNow | undefined): number {
  return (outbox?.failed ?? 0) + (deadLetters === undefined ? 0 : deadLetters.waiting + deadLetters.inFlight);
}
