/**
 * Compares what SMTP and SES really accepted with the mails that were inserted and with what their rows say. Pure: it
 * gets all that was observed.
 */
import { DAY_MS, MINUTE_MS } from '../../lib/common/time.ts';
import { isBeyondTolerance } from './faults.ts';
import { type ChaosMail, isDeliverable } from './mails.ts';
import type { PlannedFault } from './schedule.ts';

/** A server took a mail for these recipients. */
export interface Acceptance {
  readonly by: 'smtp' | 'ses';
  readonly id: string;
  readonly recipients: readonly string[];
  readonly atMs: number;
  /** When the first of SES's events about it was published; absent if none was. */
  readonly eventAtMs?: number;
}

export interface RowAtEnd {
  readonly id: string;
  readonly status: string;
  readonly provider: string | null;
  readonly lastError: string | null;
  /** By recipient: the kind of status, of the trace or of `outbound_recipients`. */
  readonly statuses: Readonly<Record<string, string>>;
  /** An attempt ended without a reply, or was never recorded: SMTP may have taken it. */
  readonly unknown: boolean;
  /** An attempt ended after another worker had taken over. */
  readonly late: boolean;
  /** The queue's response to an attempt was lost. */
  readonly queueUnknown: boolean;
  /** As in the trace. */
  readonly attempts: readonly unknown[];
}

export interface DeadLetter {
  readonly id: string;
  readonly recipients: readonly string[];
  readonly cause: string;
}

/** A fault as it happened. */
export interface HappenedFault extends PlannedFault {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Observed {
  readonly mails: readonly (ChaosMail & { readonly insertedAtMs: number })[];
  readonly acceptances: readonly Acceptance[];
  readonly rows: ReadonlyMap<string, RowAtEnd>;
  readonly deadLetters: readonly DeadLetter[];
  readonly faults: readonly HappenedFault[];
  /** The mails that a worker had in hand when it was killed. */
  readonly inHandOfKilled: ReadonlySet<string>;
  /** Where a fault could still do harm. */
  readonly faultsEndedMs: number;
}

/** A mail, and what is wrong with it. */
export interface Finding {
  readonly id: string;
  readonly what: string;
}

/** The windows of docs/guarantees.md in which a mail may go out twice. */
export const WINDOWS = {
  'reply-lost': 'SMTP took it and its reply was lost',
  'worker-killed': 'its worker was killed with it in hand',
  'lease-ended': 'its worker could not renew its lease in time',
  'queue-answer-lost': 'SQS took it, its response was lost, and SMTP took it later',
  'event-late': 'SES took it, the response was lost, and no event came within the wait',
  clock: 'the clock of a function was wrong by more than claims allow for',
} as const;

type Window = keyof typeof WINDOWS;

export interface Account {
  readonly mails: number;
  readonly recipients: number;
  readonly bySmtp: number;
  readonly bySes: number;
  readonly expired: number;
  readonly suppressed: number;
  readonly lost: readonly Finding[];
  readonly twice: Readonly<Record<Window, number>>;
  readonly twiceUnexplained: readonly Finding[];
  readonly late: readonly Finding[];
  readonly misreported: readonly Finding[];
  /** From the insertion, or the end of the faults if that is later, to the acceptance. */
  readonly slowestSeconds: number;
}

/** A mail is late if it is accepted this long after its insertion and after the last fault. */
const LATE_MS = 5 * MINUTE_MS;

export function accountFor(observed: Observed): Account {
  const acceptancesOf = Map.groupBy(observed.acceptances, ({ id }) => id);
  const deadLettersOf = Map.groupBy(observed.deadLetters, ({ id }) => id);
  const evidence = new Evidence(observed);
  const account = new Tally();
  for (const mail of observed.mails) {
    const acceptances = (acceptancesOf.get(mail.id) ?? []).toSorted((one, other) => one.atMs - other.atMs);
    const deadLetters = deadLettersOf.get(mail.id) ?? [];
    const row = observed.rows.get(mail.id);
    account.recipients += mail.recipients.length;
    for (const recipient of mail.recipients) {
      const theirs = acceptances.filter(({ recipients }) => recipients.includes(recipient));
      countTimes(mail, recipient, theirs, evidence, account);
      if (theirs.length === 0) explainMissing(mail, recipient, { row, deadLetters, evidence }, account);
    }
    for (const { cause } of deadLetters) {
      if (cause !== 'expired' || mail.expiresAfterMs === undefined)
        account.misreported.push({ id: mail.id, what: `a dead letter: ${cause}` });
    }
    checkTimes(mail, acceptances, evidence, observed.faultsEndedMs, account);
    checkRow(mail, row, acceptances, account);
  }
  return account.result(observed.mails.length);
}

type MailAt = Observed['mails'][number];

class Tally {
  recipients = 0;
  bySmtp = 0;
  bySes = 0;
  expired = 0;
  suppressed = 0;
  slowestMs = 0;
  readonly lost: Finding[] = [];
  readonly twice: Record<Window, number> = {
    'reply-lost': 0,
    'worker-killed': 0,
    'lease-ended': 0,
    'queue-answer-lost': 0,
    'event-late': 0,
    clock: 0,
  };
  readonly twiceUnexplained: Finding[] = [];
  readonly late: Finding[] = [];
  readonly misreported: Finding[] = [];

  result(mails: number): Account {
    const { slowestMs, ...counts } = this;
    return { mails, ...counts, slowestSeconds: Math.round(slowestMs / 1000) };
  }
}

function countTimes(
  { id }: MailAt,
  recipient: string,
  acceptances: readonly Acceptance[],
  evidence: Evidence,
  account: Tally,
): void {
  if (acceptances[0]?.by === 'smtp') account.bySmtp += 1;
  if (acceptances[0]?.by === 'ses') account.bySes += 1;
  for (const [index, again] of acceptances.entries()) {
    const before = acceptances[index - 1];
    if (before === undefined) continue;
    const window = evidence.windowOf(before, again);
    if (window !== undefined) account.twice[window] += 1;
    else {
      const sinceMs = again.atMs - before.atMs;
      const event =
        before.eventAtMs === undefined ? 'no event' : `event after ${before.eventAtMs - before.atMs} ms`;
      const words = before.by === 'ses' ? `${before.by} (${event})` : before.by;
      account.twiceUnexplained.push({
        id,
        what: `${recipient}: by ${words}, after ${sinceMs} ms again by ${again.by}`,
      });
    }
  }
}

interface MissingContext {
  readonly row: RowAtEnd | undefined;
  readonly deadLetters: readonly DeadLetter[];
  readonly evidence: Evidence;
}

/** Neither server took it: it is lost, unless it had to be kept back. */
function explainMissing(
  mail: MailAt,
  recipient: string,
  { row, deadLetters, evidence }: MissingContext,
  account: Tally,
): void {
  const kind = row?.statuses[recipient];
  const deadLetter = deadLetters.find(({ recipients }) => recipients.includes(recipient));
  const isExpired =
    deadLetter?.cause === 'expired' || kind === 'expired' || /^expired/.test(row?.lastError ?? '');
  if (isExpired && mail.expiresAfterMs !== undefined) account.expired += 1;
  else if (kind === 'suppressed' && !isDeliverable(recipient)) account.suppressed += 1;
  // A complaint suppresses as well.
  else if (kind === 'suppressed' && recipient.startsWith('spam-')) account.suppressed += 1;
  else {
    const known =
      row === undefined ? 'no row' : `row ${row.status}, ${row.lastError ?? kind ?? 'without a reason'}`;
    account.lost.push({ id: mail.id, what: `${recipient}: ${known}${evidence.describe(mail.id)}` });
  }
}

/** A call that began before the expiry may end this much later. */
const SLOW_CALL_MS = 30_000;

function checkTimes(
  mail: MailAt,
  acceptances: readonly Acceptance[],
  evidence: Evidence,
  faultsEndedMs: number,
  account: Tally,
): void {
  const expiresAtMs = mail.insertedAtMs + (mail.expiresAfterMs ?? 365 * DAY_MS);
  for (const { atMs, by } of acceptances) {
    const tookMs = atMs - Math.max(mail.insertedAtMs, faultsEndedMs);
    account.slowestMs = Math.max(account.slowestMs, tookMs);
    if (tookMs > LATE_MS) account.late.push({ id: mail.id, what: `${by} took it after ${tookMs / 1000} s` });
    if (
      atMs > expiresAtMs + SLOW_CALL_MS &&
      !evidence.wasClockWrong([...FUNCTIONS, 'worker'], expiresAtMs, atMs)
    )
      account.late.push({ id: mail.id, what: `${by} took it ${atMs - expiresAtMs} ms after its expiry` });
  }
}

function checkRow(
  mail: MailAt,
  row: RowAtEnd | undefined,
  acceptances: readonly Acceptance[],
  account: Tally,
): void {
  const say = (what: string) => account.misreported.push({ id: mail.id, what });
  if (row === undefined) return void say('its row is gone');
  const has = (recipient: string, by: Acceptance['by']) =>
    acceptances.some((one) => one.by === by && one.recipients.includes(recipient));
  const reached = (recipient: string) =>
    has(recipient, 'smtp') || (has(recipient, 'ses') && isDeliverable(recipient));
  const { status, provider, lastError, statuses } = row;
  if (status === 'delivered') {
    const missed = mail.recipients.find((recipient) =>
      provider === 'smtp' ? !has(recipient, 'smtp') : !reached(recipient),
    );
    if (missed !== undefined) say(`delivered by ${provider}, and ${missed} did not get it`);
  } else if (status === 'failed') {
    const got = mail.recipients.every((recipient) =>
      provider === 'ses' ? has(recipient, 'ses') && isDeliverable(recipient) : reached(recipient),
    );
    // Whether SMTP took it is not known, and the row says so.
    if (got && !row.unknown) say(`failed (${lastError}), and all recipients got it`);
  } else {
    say(`still ${status} (provider ${provider}, ${lastError ?? 'no error'})`);
  }
  for (const [recipient, kind] of Object.entries(statuses)) {
    const contradiction = contradictionOf(kind, recipient, has(recipient, 'ses'));
    if (contradiction !== undefined) say(`${recipient} is ${kind}, and ${contradiction}`);
  }
}

function contradictionOf(kind: string, recipient: string, isWithSes: boolean): string | undefined {
  switch (kind) {
    case 'delivered':
      if (!isWithSes) return 'SES does not have it';
      return isDeliverable(recipient) ? undefined : 'it bounced';
    case 'bounced':
      return isDeliverable(recipient) ? 'it did not bounce' : undefined;
    case 'complained':
      return recipient.startsWith('spam-') ? undefined : 'there was no complaint';
    case 'sent':
    case 'delivery_delayed':
      return 'SES has reported the end';
    case 'expired':
    case 'suppressed':
    case 'failed':
      return isWithSes ? 'SES has it' : undefined;
    default:
      return undefined;
  }
}

const FUNCTIONS = ['resend', 'feedback'];

/** SMTP's reply or SES's response may be on its way for this long. */
const ON_ITS_WAY_MS = 16_000;
/** The longest call of SES, and the time to record it. */
const SES_CALL_MS = 25_000;
/** Between the last look for an event and SES's acceptance of the repeated call. */
const DECISION_MS = 5_000;

/** What happened around a mail that may explain a second acceptance of it. */
class Evidence {
  readonly #observed: Observed;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** The documented window that explains why a mail was accepted again; undefined if none does. */
  windowOf(before: Acceptance, again: Acceptance): Window | undefined {
    return this.#windowOfRoutes(before, again) ?? this.#windowOfLease(before, again);
  }

  /** A worker that was cut off from the database is taken for dead. */
  #windowOfLease(before: Acceptance, again: Acceptance): Window | undefined {
    const isLate = this.#observed.rows.get(before.id)?.late ?? false;
    const insertedAtMs = this.#observed.mails.find((mail) => mail.id === before.id)?.insertedAtMs ?? 0;
    return isLate && this.#was(['postgres'], insertedAtMs, again.atMs) ? 'lease-ended' : undefined;
  }

  #windowOfRoutes(before: Acceptance, again: Acceptance): Window | undefined {
    if (before.by === 'smtp') {
      if (this.#observed.inHandOfKilled.has(before.id)) return 'worker-killed';
      if (again.by === 'ses' && this.#wasQueueUnknown(before.id, again.atMs)) return 'queue-answer-lost';
      const isUnknown = this.#observed.rows.get(before.id)?.unknown ?? false;
      return isUnknown && this.#was(['smtp'], before.atMs, before.atMs + ON_ITS_WAY_MS)
        ? 'reply-lost'
        : undefined;
    }
    // The queue has it from a worker that died before it could write that down, and another tried SMTP.
    if (again.by === 'smtp') {
      if (this.#observed.inHandOfKilled.has(before.id)) return 'worker-killed';
      return this.#wasQueueUnknown(before.id, again.atMs) ? 'queue-answer-lost' : undefined;
    }
    const wasDisturbed = this.#was(
      ['ses', 'resend', 'dynamodb'],
      before.atMs - ON_ITS_WAY_MS,
      before.atMs + SES_CALL_MS,
    );
    const cameInTime = before.eventAtMs !== undefined && before.eventAtMs < again.atMs - DECISION_MS;
    if (wasDisturbed && !cameInTime) return 'event-late';
    return this.wasClockWrong(FUNCTIONS, before.atMs - SES_CALL_MS, again.atMs) ? 'clock' : undefined;
  }

  #wasQueueUnknown(id: string, untilMs: number): boolean {
    const insertedAtMs = this.#observed.mails.find((mail) => mail.id === id)?.insertedAtMs ?? 0;
    const isUnknown = this.#observed.rows.get(id)?.queueUnknown ?? false;
    return isUnknown && this.#was(['sqs'], insertedAtMs, untilMs);
  }

  /** Whether a clock was wrong by more than is allowed for. */
  wasClockWrong(targets: readonly string[], fromMs: number, toMs: number): boolean {
    return this.#observed.faults.some(
      (fault) =>
        isBeyondTolerance(fault) &&
        targets.includes(fault.target) &&
        fault.fromMs <= toMs &&
        fault.toMs >= fromMs,
    );
  }

  describe(id: string): string {
    return this.#observed.inHandOfKilled.has(id) ? ', in hand of a killed worker' : '';
  }

  #was(targets: readonly string[], fromMs: number, toMs: number): boolean {
    return this.#observed.faults.some(
      (fault) => targets.includes(fault.target) && fault.fromMs <= toMs && fault.toMs >= fromMs,
    );
  }
}
