/** What the API developer imports. */
export { createJsonLog, type JsonLogOptions } from './adapters/json-log.ts';
export { migrate } from './adapters/postgres/migrate.ts';
export { PostgresOutbox, type PostgresOutboxOptions } from './adapters/postgres/postgres-outbox.ts';
export type { Delivery } from './domain/delivery.ts';
export type { BounceType, FateKind } from './domain/delivery-status.ts';
export type { Failure, FailureClass, FailurePhase } from './domain/failure.ts';
export { type Envelope, type ParsedEnvelope, parseEnvelope } from './domain/fallback-message.ts';
export type { Attempted, FallbackFailure, HandOver, Outcome, Refused, Taken } from './domain/outcome.ts';
export { type ParsedReceipt, parseReceipt, type Receipt } from './domain/receipt.ts';
export type { StoredMail, StoredMailFields } from './domain/stored-mail.ts';
export type { FreezeResult } from './mailer/compose-delivery.ts';
export { createMailer, type MailerOptions } from './mailer/create-mailer.ts';
export type { Mail, MailExtras, Mailer } from './mailer/mailer.ts';
export { type MailerSettings, readMailerSettings, SettingsError } from './mailer/settings.ts';
export { type FallbackInfo, fallbackTransport, MailNotSentError } from './mailer/transport.ts';
export type {
  Claim,
  LeaseRoute,
  NextState,
  Outbox,
  OutboxStats,
  SettledEvent,
  Settlement,
  TraceAttempt,
  WorkerObserver,
} from './ports/outbox.ts';
export type { Log, LogFields } from './ports/runtime.ts';
export { type CreateWorkerOptions, createWorker } from './worker/create-worker.ts';
export {
  createReceiptConsumer,
  type ReceiptConsumer,
  type ReceiptConsumerOptions,
} from './worker/receipt-consumer.ts';
export type { OutboundWorker, WorkerStatus, WorkerTuning } from './worker/worker.ts';
