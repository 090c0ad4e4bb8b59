import type { FailureClass } from '../domain/failure.ts';
import type { OutboxNow, OverviewSnapshot, QueueNow, SendingNow, SmtpFailing } from './sources/overview.ts';
import { readValue } from './sources/reading.ts';
import type { Tone } from './view.ts';

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

/** What each class says to somebody who does not know it. */
export const CLASS_WORDS: Readonly<Record<FailureClass, string>> = {
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
  | { readonly kind: 'fails'; readonly failing: SmtpFailing | undefined }
  /** Nothing was sent lately. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'not-known' };

/**
 * A worker that counts the server as down probes it, and is the first to know that it is back. Before it counts it as
 * down, a few mails have failed: they say so for a while.
 */
const FRESH_MS = 60_000;

export function smtpStateOf({
  at,
  outbox,
  worker,
}: Pick<OverviewSnapshot, 'at' | 'outbox' | 'worker'>): SmtpState {
  const smtp = readValue(outbox)?.smtp;
  const failing = smtp?.failing;
  const isOpen = readValue(worker)?.isBreakerOpen;
  if (isOpen === true) return { kind: 'fails', failing };
  if (failing !== undefined && (isOpen === undefined || at.getTime() - failing.last.getTime() < FRESH_MS))
    return { kind: 'fails', failing };
  if (smtp?.lastAccepted !== undefined || isOpen === false)
    return { kind: 'accepts', last: smtp?.lastAccepted };
  return smtp === undefined ? { kind: 'not-known' } : { kind: 'idle' };
}

export function headlineOf(snapshot: OverviewSnapshot): Headline {
  const smtp = smtpStateOf(snapshot);
  const sending = readValue(snapshot.sending);
  const critical = (readValue(snapshot.alarms)?.inAlarm ?? []).filter(
    ({ severity }) => severity === 'critical',
  );
  const broke = [...smtpBroken(smtp), ...sesBroken(sending), ...fallbackBroken(snapshot)];
  return { ...titleOf(smtp, sending, snapshot, critical.length), broke, loss: lossOf(snapshot) };
}

function titleOf(
  smtp: SmtpState,
  sending: SendingNow | undefined,
  snapshot: OverviewSnapshot,
  critical: number,
): Pick<Headline, 'tone' | 'title'> {
  const sesIsDown = sending?.outage !== undefined;
  if (smtp.kind === 'fails' && sesIsDown) return { tone: 'bad', title: 'No mail goes out' };
  if (smtp.kind === 'fails') {
    return sending === undefined
      ? { tone: 'bad', title: 'mail-core is down' }
      : { tone: 'warn', title: 'Mail flows, by SES: mail-core is down' };
  }
  if (sesIsDown) return { tone: 'warn', title: 'Mail flows by mail-core; SES takes none' };
  if (critical > 0)
    return { tone: 'bad', title: `${critical === 1 ? 'An alarm is' : `${critical} alarms are`} in alarm` };
  if (smtp.kind === 'not-known' && sending === undefined)
    return { tone: 'dim', title: 'Whether mail flows is not known' };
  const outbox = readValue(snapshot.outbox);
  if (smtp.kind === 'accepts') return { tone: 'good', title: 'Mail flows' };
  return outbox !== undefined && outbox.waiting > 0
    ? { tone: 'warn', title: 'Mail waits, and none was sent lately' }
    : { tone: 'good', title: 'Nothing is broken, and nothing waits' };
}

function smtpBroken(smtp: SmtpState): Broken[] {
  if (smtp.kind !== 'fails') return [];
  const { failing } = smtp;
  if (failing === undefined) {
    return [
      {
        what: 'mail-core (SMTP)',
        class: 'down',
        why: 'the worker counts it as down',
        since: undefined,
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
      meanwhile:
        failing.mails === 1
          ? 'Since then 1 mail was handed over to SES.'
          : `Since then ${failing.mails.toLocaleString('en')} mails were handed over to SES.`,
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
function lossOf({ outbox, queues }: OverviewSnapshot): Headline['loss'] {
  const [rows, inSqs] = [readValue(outbox), readValue(queues)];
  const person = needPerson(rows, inSqs?.deadLetters);
  const unread = [
    ...(rows === undefined ? ['the outbox'] : []),
    ...(inSqs === undefined ? ['the queues'] : []),
  ].join(' and ');
  if (unread !== '')
    return { tone: 'dim', lost: `Whether mail is lost is not known: ${unread} cannot be read.`, person };
  return { tone: 'good', lost: 'No mail is lost.', person };
}

/** What was not sent and will not be by itself. */
export function needPerson(outbox: OutboxNow | undefined, deadLetters: QueueNow | undefined): number {
  return (outbox?.failed ?? 0) + (deadLetters === undefined ? 0 : deadLetters.waiting + deadLetters.inFlight);
}
