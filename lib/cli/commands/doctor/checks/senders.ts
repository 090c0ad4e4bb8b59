import { PostgresDeliveryRows } from '../../../../adapters/postgres/delivery-rows.ts';
import { isWithinDomain, parseDomain } from '../../../../domain/address.ts';
import { quoteDisplayNames } from '../../../../domain/display-names.ts';
import { parseMailboxList } from '../../../../domain/mime-headers.ts';
import { askDatabase, databaseMissing, openDatabase } from '../../../lookups/database.ts';
import {
  type Check,
  type CheckResult,
  type DoctorContext,
  ok,
  STACKS_UNKNOWN,
  skipped,
  warn,
} from '../check.ts';

const DAYS = 7;

/** Each may have a mail in it that is read for its From alone. */
const MAX_ROWS = 10_000;

const MAX_DOMAINS_SHOWN = 3;

/**
 * Whether the API writes mail from a domain that SES does not send for. SMTP takes it every day; the first outage makes
 * dead letters of it.
 */
export const SENDERS_CHECK: Check = {
  group: 'fallback',
  name: 'senders',
  run: async (context) => {
    const missing = databaseMissing(context.env);
    if (missing !== undefined) return skipped(missing);
    const rows = openDatabase(context.env, (settings) => new PostgresDeliveryRows(settings));
    try {
      const domain = await mailDomain(context);
      if (domain === undefined) return skipped(STACKS_UNKNOWN);
      const providers = ['smtp', 'ses', ...(context.env.OUTBOUND_PROVIDERS ?? '').split(',')];
      const senders = await askDatabase(() => rows.senders({ days: DAYS, providers, maxRows: MAX_ROWS }));
      return judgeSenders(senders, domain);
    } finally {
      await rows.close();
    }
  },
};

/** Undefined if CloudFormation does not say it, which is reported by the check of the stacks. */
async function mailDomain({ lookups }: DoctorContext): Promise<string | undefined> {
  const stacks = await lookups.stacks().catch(() => undefined);
  return stacks?.pipeline?.outputs.MailDomain;
}

function judgeSenders(
  senders: readonly { readonly from: string; readonly rows: number }[],
  domain: string,
): CheckResult {
  const foreign = new Map<string, number>();
  for (const { from, rows } of senders) {
    const other = foreignDomain(from, domain);
    if (other !== undefined) foreign.set(other, (foreign.get(other) ?? 0) + rows);
  }
  const total = senders.reduce((sum, { rows }) => sum + rows, 0);
  const when = `of the last ${DAYS} days`;
  if (foreign.size === 0) return ok(`all ${total} mails ${when} that were looked at are from ${domain}`);
  const sorted = [...foreign].toSorted(([, one], [, other]) => other - one);
  const shown = sorted.slice(0, MAX_DOMAINS_SHOWN).map(([other, rows]) => `${other} (${rows})`);
  const more = sorted.length > shown.length ? [`${sorted.length - shown.length} more domains`] : [];
  const count = sorted.reduce((sum, [, rows]) => sum + rows, 0);
  return warn(
    `${count} of ${total} mails ${when} are not from ${domain}, but from ${[...shown, ...more].join(', ')}: an outage of SMTP makes dead letters of such`,
    `let the API write From an address of ${domain}, and the other one into Reply-To`,
  );
}

/** A From that is no list of addresses is refused by the worker itself. */
function foreignDomain(from: string, domain: string): string | undefined {
  const addresses = parseMailboxList(quoteDisplayNames(from)) ?? [];
  const other = addresses.find((address) => !isWithinDomain(address, domain));
  return other === undefined ? undefined : parseDomain(other) || 'no domain';
}
