import type { DeliveryStatus, RecipientStatuses } from '../../domain/delivery-status.ts';

/** What became of the mail for its recipients, as SES's events told the ledger and as receipts told the row. */
export interface StatusesBySource {
  readonly row: RecipientStatuses;
  readonly ledger: RecipientStatuses;
  /** The message ids of SES under which the ledger itself tells when the mail was sent. */
  readonly toldSent: ReadonlySet<string>;
}

/** Recipients that share a status share an event. */
export function statusEvents({ row, ledger, toldSent }: StatusesBySource): TimelineEvent[] {
  const told = [...happenings(row, 'row'), ...happenings(ledger, 'ledger')];
  const byRecipient = new Map<string, Happening>();
  for (const one of told) {
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

interface Happening {
  readonly recipient: string;
  readonly at: string;
  readonly kind: DeliveryStatus['kind'];
  readonly sesMessageId: string | undefined;
  readonly what: string;
  readonly source: StorySource;
}

/** A status also remembers when the mail was delivered, where something has come after that. */
function happenings(statuses: RecipientStatuses, source: StorySource): Happening[] {
  return Object.entries(statuses).flatMap(([recipient, status]): Happening[] => {
    const { kind, at, sesMessageId, deliveredAt } = status;
    const told = { recipient, sesMessageId, source };
    const delivered =
      deliveredAt === undefined || kind === 'delivered'
        ? []
        : [{ ...told, at: deliveredAt, kind: 'delivered' as const, what: 'delivered' }];
    return [...delivered, { ...told, at, kind, what: describeStatus(status) }];
  });
}

/** Who knows of it. */
type StorySource = 'row' | 'ledger' | 'row, ledger' | 'dead letters' | 'suppression list';

/** Something that happened to a delivery. */
export interface TimelineEvent {
  readonly at: Date;
  readonly source: StorySource;
  readonly what: string;
  /** Whom it is about, by `addressKey`; none where it is about all of them. */
  readonly recipients: readonly string[];
}
