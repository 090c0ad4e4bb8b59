/** What the API developer imports. */

export { createJsonLog, type JsonLogOptions } from './adapters/json-log.ts';
export { migrate } from './adapters/postgres/migrate.ts';
export { PostgresOutbox, type PostgresOutboxOptions } from './adapters/postgres/postgres-outbox.ts';
export { SettingsError } from './common/config.ts';
export type { Delivery, RefusedAddress } from './domain/delivery.ts';
export type { BounceType, StatusKind } from './domain/delivery-status.ts';
export type { Failure, FailureClass, FailurePhase } from './domain/failure.ts';
export {
  type FallbackMessage,
  type ParsedFallbackMessage,
  type Priority,
  parseFallbackMessage,
} from './domain/fallback-message.ts';
export type { Accepted, Attempted, FallbackFailure, HandOver, Outcome, Refused } from './domain/outcome.ts';
export { type ParsedReceipt, parseReceipt, type Receipt } from './domain/receipt.ts';
export type { StoredMail, StoredMailFields } from './domain/stored-mail.ts';
export type { ComposeResult } from './mailer/compose-delivery.ts';
export { createMailer, type MailerOptions } from './mailer/create-mailer.ts';
export { type Mail, type MailExtras, type Mailer, MailerClosedError } from './mailer/mailer.ts';
export {
  createMemoryMailer,
  type MemoryMailer,
  type MemoryMailerOptions,
  type SentMail,
} from './mailer/memory-mailer.ts';
export { type MailerSettings, readMailerSettings } from './mailer/settings.ts';
export { type FallbackInfo, fallbackTransport, MailNotSentError } from './mailer/transport.ts';
export type {
  Claim,
  ClaimRequest,
  CompletedEvent,
  Completion,
  LargeMail,
  LeaseRoute,
  NextState,
  Outbox,
  OutboxStats,
  Renewal,
  TraceAttempt,
  WorkerObserver,
} from './ports/outbox.ts';
export type { Log, LogFields } from './ports/runtime.ts';
export {
  createSmtpRelay,
  type RelayPorts,
  type SmtpRelay,
  type SmtpRelayOptions,
} from './relay/create-relay.ts';
export type { RelayObserver } from './relay/observer.ts';
export type { RelaySettings } from './relay/settings.ts';
export { type CreateWorkerOptions, createWorker } from './worker/create-worker.ts';
export {
  createReceiptConsumer,
  type ReceiptConsumer,
  type ReceiptConsumerOptions,
} from './worker/receipt-consumer.ts';
export type { OutboundWorker, WorkerStatus, WorkerTuning } from './worker/worker.ts';
