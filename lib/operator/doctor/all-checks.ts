import type { Check } from './check.ts';
import { ACCESS_KEY_CHECK } from './checks/access-key.ts';
import { ALARM_SUBSCRIBERS_CHECK } from './checks/alarm-subscribers.ts';
import { CONFIGURATION_SET_CHECK } from './checks/configuration-set.ts';
import { CREDENTIALS_CHECK } from './checks/credentials.ts';
import { DEAD_LETTER_CHECKS } from './checks/dead-letters.ts';
import { DNS_ALIGNMENT_CHECKS } from './checks/dns-alignment.ts';
import { DNS_RECORD_CHECKS } from './checks/dns-records.ts';
import { EVENT_SOURCE_CHECKS } from './checks/event-sources.ts';
import { FALLBACK_CHECK } from './checks/fallback.ts';
import { IDENTITY_CHECKS } from './checks/identity.ts';
import { QUEUE_CHECKS } from './checks/queues.ts';
import { RINGING_ALARMS_CHECK } from './checks/ringing-alarms.ts';
import { SECRET_CHECKS } from './checks/secret-copies.ts';
import { SENDING_CHECKS } from './checks/sending.ts';
import { SMTP_CHECKS } from './checks/smtp.ts';
import { STACK_CHECKS } from './checks/stacks.ts';
import { WATCH_FUNCTION_CHECK } from './checks/watch-function.ts';

/** In the order of the report: what others stand on comes first. */
export const ALL_CHECKS: readonly Check[] = [
  CREDENTIALS_CHECK,
  ...STACK_CHECKS,
  ...IDENTITY_CHECKS,
  ...DNS_RECORD_CHECKS,
  ...DNS_ALIGNMENT_CHECKS,
  ...SENDING_CHECKS,
  CONFIGURATION_SET_CHECK,
  ...QUEUE_CHECKS,
  ...DEAD_LETTER_CHECKS,
  ...EVENT_SOURCE_CHECKS,
  WATCH_FUNCTION_CHECK,
  ALARM_SUBSCRIBERS_CHECK,
  RINGING_ALARMS_CHECK,
  FALLBACK_CHECK,
  ACCESS_KEY_CHECK,
  ...SMTP_CHECKS,
  ...SECRET_CHECKS,
];
