import type { Check } from './check.ts';
import { ACCESS_KEY_CHECK, CREDENTIALS_CHECK, SENDING_CHECKS, STACK_CHECKS } from './checks/account.ts';
import {
  ACCOUNT_METRICS_CHECK,
  ALARM_RUNBOOK_CHECK,
  ALARM_STATE_CHECK,
  ALARM_SUBSCRIBERS_CHECK,
} from './checks/alarms.ts';
import { DNS_ALIGNMENT_CHECKS, DNS_RECORD_CHECKS } from './checks/dns.ts';
import { FALLBACK_CHECK } from './checks/fallback.ts';
import { CONFIGURATION_SET_CHECK, EVENT_DESTINATION_CHECK, IDENTITY_CHECKS } from './checks/identity.ts';
import { OUTAGE_CHECK } from './checks/outage.ts';
import { CONCURRENCY_CHECK, DEAD_LETTER_CHECKS, EVENT_SOURCE_CHECKS, QUEUE_CHECKS } from './checks/queues.ts';
import { RELAY_CHECK } from './checks/relay.ts';
import { SECRET_CHECKS } from './checks/secrets.ts';
import { SENDERS_CHECK } from './checks/senders.ts';
import { SMTP_CHECKS } from './checks/smtp.ts';

/** In the order of the report: prerequisites of others come first. */
export const ALL_CHECKS: readonly Check[] = [
  CREDENTIALS_CHECK,
  ...STACK_CHECKS,
  ...IDENTITY_CHECKS,
  ...DNS_RECORD_CHECKS,
  ...DNS_ALIGNMENT_CHECKS,
  ...SENDING_CHECKS,
  OUTAGE_CHECK,
  CONFIGURATION_SET_CHECK,
  EVENT_DESTINATION_CHECK,
  ...QUEUE_CHECKS,
  ...DEAD_LETTER_CHECKS,
  ...EVENT_SOURCE_CHECKS,
  CONCURRENCY_CHECK,
  ACCOUNT_METRICS_CHECK,
  ALARM_SUBSCRIBERS_CHECK,
  ALARM_STATE_CHECK,
  ALARM_RUNBOOK_CHECK,
  FALLBACK_CHECK,
  SENDERS_CHECK,
  ACCESS_KEY_CHECK,
  ...SMTP_CHECKS,
  RELAY_CHECK,
  ...SECRET_CHECKS,
];
