import { errorCode } from '../common/errors.ts';
import { addressKey } from '../domain/address.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Failure } from '../domain/failure.ts';
import { loggedError } from '../domain/logged-error.ts';
import type { Outcome, RefusalReason, Refused } from '../domain/outcome.ts';
import type { ComposeResult } from '../mailer/compose-delivery.ts';
import type { Mailer } from '../mailer/mailer.ts';
import type { Claim, LeaseRoute, LoadedClaim, WorkerObserver } from '../ports/outbox.ts';
import type { Clock, Log } from '../ports/runtime.ts';
import { type ClaimResult, IN_SES, toMail } from './process-claim.ts';

export interface AttemptDeps {
  readonly mailer: Mailer;
  /** From which priority on a mail is handed over as urgent. */
  readonly tuning: { readonly urgentPriority: number };
  readonly observer: WorkerObserver;
  readonly log: Log;
  readonly clock: Clock;
}

/** The outbox could not fetch the mail; it may later. */
interface NotRead {
  readonly kind: 'not-read';
  readonly code: string;
}

/** A large mail that the outbox could not fetch so often is failed. */
const MAX_READS = 5;

/** No mail expires before it, and it has an ISO 8601 form. */
const LAST_MOMENT = new Date(Date.UTC(9999, 11, 31));

/** Sends one claimed delivery by the route of its lease. */
export async function attempt(
  claim: Claim,
  route: LeaseRoute,
  deps: AttemptDeps,
): Promise<ClaimResult | NotRead> {
  const prepared = await prepare(claim, deps);
  if (prepared.kind !== 'prepared') return prepared;
  const { delivery, owed, inSes } = prepared;
  if (delivery.to.length === 0 && owed.length > 0) return { kind: 'tried', outcome: IN_SES, inSes };
  return { kind: 'tried', outcome: await send(delivery, claim, route, deps), owed, inSes };
}

interface Prepared {
  readonly kind: 'prepared';
  /** For the recipients that do not have the mail yet. */
  readonly delivery: Delivery;
  readonly owed: readonly string[];
  readonly inSes: readonly string[];
}

/** Ends before the mail is sent, so that its stored form does not take memory meanwhile. */
async function prepare(claim: Claim, deps: AttemptDeps): Promise<Prepared | ClaimResult | NotRead> {
  const loaded = await load(claim, deps);
  if ('code' in loaded) return loaded;
  const { inSes = [] } = loaded;
  const composed = await compose(loaded, deps);
  if (composed.kind === 'refused') return { kind: 'tried', outcome: composed, inSes };
  const { delivery } = composed;
  const owed = claim.owed ?? delivery.to;
  return { kind: 'prepared', delivery: { ...delivery, to: withoutThose(owed, inSes) }, owed, inSes };
}

/** Fetches the mail if it did not come with the claim. */
async function load(claim: Claim, { observer, log }: AttemptDeps): Promise<LoadedClaim | NotRead> {
  const { mail } = claim;
  if (mail.kind !== 'large') return { ...claim, mail };
  try {
    return { ...claim, ...(await mail.read()) };
  } catch (error) {
    const code = errorCode(error);
    observer.outboxError(code);
    log.error('outbox-unavailable', { while: 'reading a mail', ...loggedError(error), deliveryId: claim.id });
    if (claim.attempts < MAX_READS) return { kind: 'not-read', code };
    const detail = `the mail could not be read in ${claim.attempts} attempts: ${code}`;
    return { ...claim, mail: { kind: 'unreadable', detail } };
  }
}

/**
 * The row holds everything the mail is composed from, so a compose error is permanent. An expired mail is
 * composed too and refused at sending: SES may have it, and only the mail names its recipients.
 */
async function compose(claim: LoadedClaim, { mailer, log, tuning }: AttemptDeps): Promise<ComposeResult> {
  if (claim.mail.kind === 'unreadable') return refused(claim, claim.mail.detail, claim.mail.reason);
  try {
    const { expiresAt } = claim;
    const { fields, refused = [] } = claim.mail;
    const mail = toMail({ ...claim, expiresAt: LAST_MOMENT }, fields, tuning.urgentPriority);
    const composed = await mailer.compose(mail);
    if (composed.kind === 'refused') return composed;
    const all = [...refused, ...(composed.delivery.refused ?? [])];
    const delivery = { ...composed.delivery, expiresAt, ...(all.length === 0 ? {} : { refused: all }) };
    return { ...composed, delivery };
  } catch (error) {
    log.error('compose-failed', { deliveryId: claim.id, code: errorCode(error) });
    return refused(claim, `composing it failed: ${errorCode(error)}`);
  }
}

function refused({ id }: Claim, detail: string, reason: RefusalReason = 'invalid'): Refused {
  return { kind: 'refused', id, reason, detail };
}

function withoutThose(recipients: readonly string[], known: readonly string[]): readonly string[] {
  if (known.length === 0) return recipients;
  const keys = new Set(known);
  return recipients.filter((address) => !keys.has(addressKey(address)));
}

async function send(
  delivery: Delivery,
  claim: Claim,
  route: LeaseRoute,
  { mailer, clock }: AttemptDeps,
): Promise<Outcome> {
  if (claim.reclaimed) return withDoubt(await mailer.handOver(delivery, leaseEnded(clock.now())));
  // The lease says "queue": if this worker crashes, the lease proves that SMTP was never tried.
  if (route === 'queue') return mailer.handOver(delivery);
  return mailer.deliver(delivery);
}

/** The row must not say that a mail expired unsent if that is not known. */
function withDoubt(outcome: Outcome): Outcome {
  if (outcome.kind !== 'refused') return outcome;
  return { ...outcome, detail: `${outcome.detail}; SMTP may have it from a worker that is gone` };
}

/** The previous worker is gone; it is unknown whether SMTP accepted the mail from it. */
function leaseEnded(at: Date): Failure {
  return { class: 'unknown', phase: 'data', code: 'LEASE_ENDED', at: at.toISOString() };
}
