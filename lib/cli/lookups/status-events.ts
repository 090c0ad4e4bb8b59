import type { DeliveryStatus, RecipientStatuses } from '../../domain/delivery-status.ts';

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
    const key = JSON.stringify([one.recipient, one.at, one.what]);
    const known = byRecipient.get(key);
    byRecipient.set(
      key,
      known === undefined || known.source === one.source ? one : { ...one, source: 'row, ledger' },
    );
  }
  const groups = new Map<string, TimelineEvent>();
  for (const { recipient, at, what, source } of byRecipient.values()) {
    const key = JSON.stringify([at, what, source]);
    const recipients = [...(groups.get(key)?.recipients ?? []), recipient];
    groups.set(key, { at: new Date(at), what, source, recipients });
  }
  return [...groups.values()];
}

/** `bounced (Permanent/General): 550 5.1.1 no such user`. */
export function describeStatus({ kind, bounce, reason, smtpResponse }: Omit<DeliveryStatus, 'at'>): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return `${kind.replace('_', ' ')}${detail === undefined ? '' : ` (${detail})`}${smtpResponse === undefined ? '' : `: ${smtpResponse}`}`;
}

interface StatusChange {
  readonly recipient: string;
  readonly at: string;
  readonly kind: DeliveryStatus['kind'];
  readonly sesMessageId: string | undefined;
  readonly what: string;
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
        : [{ ...common, at: deliveredAt, kind: 'delivered' as const, what: 'delivered' }];
    return [...delivered, { ...common, at, kind, what: describeStatus(status) }];
  });
}

/** Where the event was found. */
type EventSource = 'row' | 'ledger' | 'row, ledger' | 'dead letters' | 'suppression list';

/** An event of a delivery. */
export interface TimelineEvent {
  readonly at: Date;
  readonly source: EventSource;
  readonly what: string;
  /** The recipients concerned, by `addressKey`; empty if it concerns all of them. */
  readonly recipients: readonly string[];
}
