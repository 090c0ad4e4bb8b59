import type { Outcome } from '../message/outcome.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { SettledEvent } from '../ports/worker-observer.ts';

/** What SMTP took or did not take of it; one that is held, it may have taken. */
const SMTP_PART: Readonly<Record<Outcome['kind'], { readonly taken: boolean; readonly failed: boolean }>> = {
  taken: { taken: true, failed: false },
  'handed-over': { taken: false, failed: true },
  split: { taken: true, failed: true },
  'not-accepted': { taken: false, failed: true },
  held: { taken: false, failed: false },
  refused: { taken: false, failed: false },
};

/** Counts a delivery that a worker has seen out as one that SMTP took, did not take, or both. */
export function countSettled(metrics: Metrics, { outcome, failureClass }: SettledEvent): void {
  const { taken, failed } = SMTP_PART[outcome];
  if (taken) metrics.add('SmtpTaken', 1);
  // Where SES had the mail already, as receipts told, SMTP was not asked and there is no class.
  if (failed && failureClass !== undefined) metrics.add('SmtpFailed', 1, failureClass);
}
