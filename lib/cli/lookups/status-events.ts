import type { Fate, Fates } from '../../domain/delivery-status.ts';

/** What became of the mail for its recipients, as SES's events told the ledger and as receipts told the row. */
export interface FatesOfPlaces {
  readonly row: Fates;
  readonly ledger: Fates;
  /** The message ids of SES under which the ledger itself tells when the mail was sent. */
  readonly toldSent: ReadonlySet<string>;
}

/** Recipients that share a fate share an event. */
export function eventsOfFates({ row, ledger, toldSent }: FatesOfPlaces): StoryEvent[] {
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
  const groups = new Map<string, StoryEvent>();
  for (const { recipient, at, what, source } of byRecipient.values()) {
    const key = JSON.stringify([at, what, source]);
    const recipients = [...(groups.get(key)?.recipients ?? []), recipient];
    groups.set(key, { at: new Date(at), what, source, recipients });
  }
  return [...groups.values()];
}

/** `bounced (Permanent/General): 550 5.1.1 no such user`. */
export function describeFate({ kind, bounce, reason, smtpResponse }: Omit<Fate, 'at'>): string {
  const detail = bounce === undefined ? reason : `${bounce.type}/${bounce.subType}`;
  return `${kind.replace('_', ' ')}${detail === undefined ? '' : ` (${detail})`}${smtpResponse === undefined ? '' : `: ${smtpResponse}`}`;
}

interface Happening {
  readonly recipient: string;
  readonly at: string;
  readonly kind: Fate['kind'];
  readonly sesMessageId: string | undefined;
  readonly what: string;
  readonly source: StorySource;
}

/** A fate also remembers when the mail was delivered, where something has come after that. */
function happenings(fates: Fates, source: StorySource): Happening[] {
  return Object.entries(fates).flatMap(([recipient, fate]): Happening[] => {
    const { kind, at, sesMessageId, deliveredAt } = fate;
    const told = { recipient, sesMessageId, source };
    const delivered =
      deliveredAt === undefined || kind === 'delivered'
        ? []
        : [{ ...told, at: deliveredAt, kind: 'delivered' as const, what: 'delivered' }];
    return [...delivered, { ...told, at, kind, what: describeFate(fate) }];
  });
}

/** Who knows of it. */
type StorySource = 'row' | 'ledger' | 'row, ledger' | 'dead letters' | 'suppression list';

/** Something that happened to a delivery. */
export interface StoryEvent {
  readonly at: Date;
  readonly source: StorySource;
  readonly what: string;
  /** Whom it is about, by `addressKey`; none where it is about all of them. */
  readonly recipients: readonly string[];
}
