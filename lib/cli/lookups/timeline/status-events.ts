import { type DeliveryStatus, isLoss, type RecipientStatuses } from '../../../domain/delivery-status.ts';

/** Recipient statuses: in the ledger from SES events, and in the row from receipts. */
export interface StatusesBySource {
  readonly row: RecipientStatuses;
  readonly ledger: RecipientStatuses;
  /** The SES message IDs for which the ledger itself has the time of sending. */
  readonly toldSent: ReadonlySet<string>;
}

/** Recipients with the same status share an event. */
export function statusEvents({ row, ledger, toldSent }: StatusesBySource): TimelineEvent[] {
  const changes = [...changesOf(row, 'row'), ...changesOf(ledger, 'ledger')];
  const byRecipient = new Map<string, StatusChange>();
  for (const one of changes) {
    if (one.kind === 'sent' && toldSent.has(one.sesMessageId ?? '')) continue;
    const key = JSON.stringify([one.recipient, one.at, one.what, one.words]);
    const known = byRecipient.get(key);
    byRecipient.set(
      key,
      known === undefined || known.source === one.source ? one : { ...one, source: 'row, ledger' },
    );
  }
  const groups = new Map<string, TimelineEvent>();
  for (const { recipient, at, what, words, tone, source } of byRecipient.values()) {
    const key = JSON.stringify([at, what, words, source]);
    const recipients = [...(groups.get(key)?.recipients ?? []), recipient];
    groups.set(key, { at: new Date(at), what, words, tone, source, recipients });
  }
  return [...groups.values()];
}

/** `bounced (Permanent/General): 550 5.1.1 no such user`. */
export function describeStatus(status: DeliveryStatus): string {
  return withWords(nameStatus(status), status.smtpResponse);
}

/** `bounced (Permanent/General)`. */
function nameStatus({ kind, bounce, reason }: DeliveryStatus): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return `${kind.replace('_', ' ')}${detail === undefined ? '' : ` (${detail})`}`;
}

/** What happened, and what a server said to it. */
export function withWords(what: string, words: string | undefined): string {
  return words === undefined ? what : `${what}: ${words}`;
}

interface StatusChange {
  readonly recipient: string;
  readonly at: string;
  readonly kind: DeliveryStatus['kind'];
  readonly sesMessageId: string | undefined;
  readonly what: string;
  readonly words: string | undefined;
  readonly tone: EventTone;
  readonly source: EventSource;
}

/** A status also has the time of delivery, if a later event followed it. */
function changesOf(statuses: RecipientStatuses, source: EventSource): StatusChange[] {
  return Object.entries(statuses).flatMap(([recipient, status]): StatusChange[] => {
    const { kind, at, sesMessageId, deliveredAt } = status;
    const common = { recipient, sesMessageId, source };
    const delivered =
      deliveredAt === undefined || kind === 'delivered'
        ? []
        : [
            {
              ...common,
              at: deliveredAt,
              kind: 'delivered' as const,
              what: 'delivered',
              words: undefined,
              tone: 'good' as const,
            },
          ];
    const fresh = { what: nameStatus(status), words: status.smtpResponse, tone: toneOf(status) };
    return [...delivered, { ...common, at, kind, ...fresh }];
  });
}

function toneOf(status: DeliveryStatus): EventTone {
  if (isLoss(status) || status.kind === 'complained') return 'bad';
  if (status.kind === 'delivery_delayed') return 'warn';
  return status.kind === 'delivered' ? 'good' : 'info';
}

/** Whether it brought the mail nearer to its recipient, kept it back, or lost it. */
export type EventTone = 'good' | 'warn' | 'bad' | 'info';

/** Where the event was found. */
type EventSource = 'row' | 'ledger' | 'row, ledger' | 'dead letters' | 'suppression list';

/** An event of a delivery. */
export interface TimelineEvent {
  readonly at: Date;
  readonly source: EventSource;
  readonly what: string;
  /** What a server said, in its own words. */
  readonly words?: string | undefined;
  readonly tone: EventTone;
  /** The recipients concerned, by `addressKey`; empty if it concerns all of them. */
  readonly recipients: readonly string[];
}
