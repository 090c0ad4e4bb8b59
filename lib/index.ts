/** What the API developer imports. */
export { createJsonLog, type JsonLogOptions } from './adapters/log/json-log.ts';
export { migrate } from './adapters/postgres/migrate.ts';
export { PostgresOutbox, type PostgresOutboxOptions } from './adapters/postgres/postgres-outbox.ts';
export { createMailer, type MailerOptions } from './mailer/create-mailer.ts';
export { type FallbackInfo, fallbackTransport } from './mailer/fallback-transport.ts';
export type { FreezeResult } from './mailer/freeze-delivery.ts';
export { MailNotSentError } from './mailer/mail-not-sent-error.ts';
export type { Mail, MailExtras, Mailer } from './mailer/mailer.ts';
export { type MailerSettings, readMailerSettings, SettingsError } from './mailer/settings.ts';
export type { Delivery } from './message/delivery.ts';
export { type Envelope, type ParsedEnvelope, parseEnvelope } from './message/envelope.ts';
export type { Failure, FailureClass, FailurePhase } from './message/failure.ts';
export type { BounceType, FateKind } from './message/fate.ts';
export type { Attempted, FallbackFailure, HandOver, Outcome, Refused, Taken } from './message/outcome.ts';
export { type ParsedReceipt, parseReceipt, type Receipt } from './message/receipt.ts';
export type { StoredMail, StoredMailFields } from './message/stored-mail.ts';
export type { Log, LogFields } from './ports/log.ts';
export type {
  Claim,
  LeaseRoute,
  NextState,
  Outbox,
  OutboxStats,
  Settlement,
  TraceAttempt,
} from './ports/outbox.ts';
export type { SettledEvent, WorkerObserver } from './ports/worker-observer.ts';
export {
  createReceiptConsumer,
  type ReceiptConsumer,
  type ReceiptConsumerOptions,
} from './worker/create-receipt-consumer.ts';
export { type CreateWorkerOptions, createWorker } from './worker/create-worker.ts';
export type { OutboundWorker, WorkerStatus, WorkerTuning } from './worker/outbound-worker.ts';
