import { describe, expect, it } from '@jest/globals';
import { type Acceptance, accountFor, type HappenedFault, type Observed, type RowAtEnd } from './account.ts';

const ID = 'chaos-1-0';
const BUYER = 'buyer-0-0@example.org';
const GONE = 'gone-0-0@example.org';

function aRow(change: Partial<RowAtEnd> = {}): RowAtEnd {
  return {
    id: ID,
    status: 'delivered',
    provider: 'smtp',
    lastError: null,
    statuses: {},
    unknown: false,
    late: false,
    queueUnknown: false,
    attempts: [],
    ...change,
  };
}

function bySmtp(change: Partial<Acceptance> = {}): Acceptance {
  return { by: 'smtp', id: ID, recipients: [BUYER], atMs: 1_000, ...change };
}

function bySes(change: Partial<Acceptance> = {}): Acceptance {
  return { ...bySmtp(), by: 'ses', eventAtMs: (change.atMs ?? 1_000) + 1, ...change };
}

function aFault(target: string, change: Partial<HappenedFault> = {}): HappenedFault {
  const planned = { target, fault: 'reset', atMs: 0, durationMs: 100, strength: 0.2 };
  return { ...planned, fromMs: 900, toMs: 1_100, ...change };
}

interface Case {
  readonly acceptances: readonly Acceptance[];
  readonly row?: RowAtEnd;
  readonly recipients?: readonly string[];
  readonly faults?: readonly HappenedFault[];
  readonly inHand?: boolean;
  readonly expiresAfterMs?: number;
  readonly deadLetterCause?: string;
}

function accountOf({ acceptances, row = aRow(), recipients = [BUYER], ...rest }: Case) {
  const { faults = [], inHand = false, expiresAfterMs, deadLetterCause } = rest;
  const observed: Observed = {
    mails: [
      {
        id: ID,
        tenantId: 't',
        priority: 0,
        recipients,
        textBytes: 1,
        insertedAtMs: 0,
        ...(expiresAfterMs === undefined ? {} : { expiresAfterMs }),
      },
    ],
    acceptances,
    rows: new Map([[ID, row]]),
    deadLetters: deadLetterCause === undefined ? [] : [{ id: ID, recipients, cause: deadLetterCause }],
    faults,
    inHandOfKilled: new Set(inHand ? [ID] : []),
    faultsEndedMs: 0,
  };
  const account = accountFor(observed);
  return {
    lost: account.lost.length,
    twice: Object.entries(account.twice).flatMap(([window, times]) => (times > 0 ? [window] : [])),
    unexplained: account.twiceUnexplained.length,
    late: account.late.length,
    misreported: account.misreported.length,
    expired: account.expired,
    suppressed: account.suppressed,
  };
}

const RIGHT = { lost: 0, twice: [], unexplained: 0, late: 0, misreported: 0, expired: 0, suppressed: 0 };

const sesRow = (kind: string, status = kind === 'delivered' ? 'delivered' : 'failed', to = BUYER) =>
  aRow({ provider: 'ses', status, statuses: { [to]: kind } });

describe('the account of a run', () => {
  it.each<[string, Case]>([
    ['SMTP took it', { acceptances: [bySmtp()] }],
    ['SES took it', { acceptances: [bySes()], row: sesRow('delivered') }],
    [
      'SES took it, and it bounced',
      {
        recipients: [GONE],
        acceptances: [bySes({ recipients: [GONE] })],
        row: sesRow('bounced', 'failed', GONE),
      },
    ],
  ])('finds nothing wrong: %s', (_, one) => {
    expect(accountOf(one)).toEqual(RIGHT);
  });

  it('counts what expired or is suppressed, and does not miss it', () => {
    const expired = { row: aRow({ status: 'failed', lastError: 'expired: it expired' }), acceptances: [] };
    expect(accountOf({ ...expired, expiresAfterMs: 1 })).toEqual({ ...RIGHT, expired: 1 });
    expect(accountOf(expired)).toMatchObject({ lost: 1 });
    const suppressed = { recipients: [GONE], acceptances: [], row: sesRow('suppressed', 'failed', GONE) };
    expect(accountOf(suppressed)).toEqual({ ...RIGHT, suppressed: 1 });
  });

  it.each<[string, Case]>([
    ['nothing took it', { acceptances: [], row: aRow({ status: 'queued', provider: null }) }],
    [
      'of two recipients one was forgotten',
      { recipients: [BUYER, 'b@example.org'], acceptances: [bySmtp()] },
    ],
    ['a deliverable address is said to be suppressed', { acceptances: [], row: sesRow('suppressed') }],
  ])('finds a loss: %s', (_, one) => {
    expect(accountOf(one).lost).toBe(1);
  });

  const again = bySes({ atMs: 60_000 });

  it.each<[string, Case, string]>([
    [
      'the reply was cut, and the row says that it is unknown',
      { acceptances: [bySmtp(), again], row: sesRow('delivered'), faults: [aFault('smtp')] },
      'reply-lost',
    ],
    ['its worker was killed', { acceptances: [bySmtp(), again], inHand: true }, 'worker-killed'],
    [
      'its worker was alive, and cut off from the database',
      {
        acceptances: [bySmtp(), again],
        row: { ...sesRow('delivered'), late: true },
        faults: [aFault('postgres')],
      },
      'lease-ended',
    ],
    [
      'the queue took it, and the worker did not hear of that',
      {
        acceptances: [bySmtp(), again],
        row: { ...sesRow('delivered'), queueUnknown: true },
        faults: [aFault('sqs')],
      },
      'queue-answer-lost',
    ],
    [
      'the event came after the repeated call',
      { acceptances: [bySes({ eventAtMs: 61_000 }), again], faults: [aFault('ses')] },
      'event-late',
    ],
    [
      'a clock was far off',
      {
        acceptances: [bySes(), again],
        faults: [aFault('resend', { fault: 'clock-jumped', strength: 0.9 })],
      },
      'clock',
    ],
  ])('explains a duplicate: %s', (_, one, window) => {
    const row = aRow({ ...(one.row ?? sesRow('delivered')), unknown: window === 'reply-lost' });

    expect(accountOf({ ...one, row })).toEqual({ ...RIGHT, twice: [window] });
  });

  it.each<[string, Case]>([
    [
      'nothing was wrong with SMTP',
      { acceptances: [bySmtp(), again], row: { ...sesRow('delivered'), unknown: true } },
    ],
    ['the row knows of no unknown result', { acceptances: [bySmtp(), again], faults: [aFault('smtp')] }],
    ['the event was there long before', { acceptances: [bySes(), again], faults: [aFault('ses')] }],
    [
      'the clock was off by what claims allow for',
      { acceptances: [bySes(), again], faults: [aFault('resend', { fault: 'clock-jumped', strength: 0.1 })] },
    ],
    ['SMTP got what SES has', { acceptances: [bySes(), bySmtp({ atMs: 60_000 })] }],
  ])('does not explain a duplicate: %s', (_, one) => {
    expect(accountOf({ row: sesRow('delivered'), ...one }).unexplained).toBe(1);
  });

  it.each<[string, Case]>([
    ['delivered by SMTP, which does not have it', { acceptances: [bySes()] }],
    ['failed, and it arrived', { acceptances: [bySes()], row: sesRow('delivered', 'failed') }],
    ['still sending', { acceptances: [bySes()], row: sesRow('sent', 'delivered') }],
    [
      'bounced at a mailbox that takes mail',
      { acceptances: [bySmtp()], row: aRow({ statuses: { [BUYER]: 'bounced' } }) },
    ],
    ['a dead letter for no reason', { acceptances: [bySmtp()], deadLetterCause: 'id-conflict' }],
  ])('finds a row that is wrong: %s', (_, one) => {
    expect(accountOf(one).misreported).toBe(1);
  });

  it('finds what was sent long after its expiry', () => {
    expect(accountOf({ acceptances: [bySmtp({ atMs: 60_000 })], expiresAfterMs: 1_000 }).late).toBe(1);
  });
});
