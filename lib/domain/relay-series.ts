import type { SeriesDefinition } from './worker-series.ts';

/** The Prometheus series that a relay serves on `/metrics`. */
export const RELAY_SERIES = {
  relay_mails_total: {
    type: 'counter',
    help: 'Mails that came as a whole and were well-formed, by what became of them.',
    labels: ['outcome'],
  },
  relay_handed_over_total: {
    type: 'counter',
    help: 'Mails handed over, for all recipients or for some, by the class of the SMTP failure.',
    labels: ['class'],
  },
  relay_handle_seconds: {
    type: 'histogram',
    help: 'From the end of a mail until its reply.',
    unit: 'Seconds',
  },
  relay_replies_total: {
    type: 'counter',
    help: 'Replies of 4xx and 5xx to MAIL, RCPT and mails, by code.',
    labels: ['code'],
  },
  relay_turned_away_total: {
    type: 'counter',
    help: 'Clients that were not let in: too many connections, of all or of one, no trusted network, or a wrong password.',
    labels: ['reason'],
  },
  relay_connections: { type: 'gauge', help: 'Open connections.' },
  relay_memory_bytes: {
    type: 'gauge',
    help: 'Of the mails that are being received or passed on.',
    unit: 'Bytes',
  },
  relay_breaker_open: {
    type: 'gauge',
    help: '1 while the upstream server counts as down and mails go straight to the queue.',
  },
  relay_fallback_up: {
    type: 'gauge',
    help: '1 if the last check found that queue and bucket accept a hand-over, else 0; checked at the start and every ten minutes.',
  },
} as const satisfies Readonly<Record<`relay_${string}`, SeriesDefinition>>;
