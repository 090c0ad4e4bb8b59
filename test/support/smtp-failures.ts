import type { FailureClass, FailurePhase } from '../../lib/domain/failure.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';

/** One way in which a mail server fails, and its expected classification. */
export interface StagedFailure {
  readonly name: string;
  readonly behaviours: readonly SmtpBehaviour[];
  readonly class: FailureClass;
  readonly phase: FailurePhase;
  /** Settings that trigger the failure; the rest are the defaults of the test. */
  readonly smtp?: {
    readonly auth?: boolean;
    readonly requireTls?: boolean;
    readonly trustCertificate?: boolean;
    readonly sendTimeoutMs?: number;
  };
}

const trusting = { trustCertificate: true };
const withAuth = { trustCertificate: true, auth: true };

/** Every failure of the classification, staged at a real socket. */
export const STAGED_FAILURES: readonly StagedFailure[] = [
  { name: 'connection refused', behaviours: [{ kind: 'refused' }], class: 'unreachable', phase: 'connect' },
  {
    name: 'greeting never comes',
    behaviours: [{ kind: 'blackhole' }],
    class: 'unreachable',
    phase: 'greeting',
  },
  {
    name: 'reset on connect',
    behaviours: [{ kind: 'break', at: 'connect', by: 'reset' }],
    class: 'unreachable',
    phase: 'connect',
  },
  {
    name: 'closed before the greeting',
    behaviours: [{ kind: 'break', at: 'connect', by: 'close' }],
    class: 'unreachable',
    phase: 'connect',
  },
  {
    name: 'greeting is not SMTP',
    behaviours: [{ kind: 'greeting', reply: 'banana' }],
    class: 'unreachable',
    phase: 'connect',
  },
  {
    name: 'greeting 421',
    behaviours: [{ kind: 'greeting', reply: '421 4.3.2 Too busy' }],
    class: 'deferred',
    phase: 'greeting',
  },
  {
    name: 'greeting 554',
    behaviours: [{ kind: 'greeting', reply: '554 5.7.1 No service for you' }],
    class: 'rejected',
    phase: 'greeting',
  },
  {
    name: 'reset after EHLO',
    behaviours: [{ kind: 'break', at: 'ehlo', by: 'reset' }],
    class: 'unreachable',
    phase: 'connect',
  },
  {
    name: 'self-signed certificate',
    behaviours: [],
    smtp: { trustCertificate: false },
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'certificate expired',
    behaviours: [{ kind: 'certificate', flaw: 'expired' }],
    smtp: trusting,
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'certificate of another name',
    behaviours: [{ kind: 'certificate', flaw: 'wrong-name' }],
    smtp: trusting,
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'STARTTLS refused, TLS required',
    behaviours: [{ kind: 'starttls-refused' }],
    smtp: { requireTls: true },
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'STARTTLS not offered, TLS required',
    behaviours: [{ kind: 'without', extensions: ['STARTTLS'] }],
    smtp: { requireTls: true },
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'handshake broken by garbage',
    behaviours: [{ kind: 'handshake-broken', by: 'garbage' }],
    smtp: trusting,
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'handshake closed',
    behaviours: [{ kind: 'handshake-broken', by: 'close' }],
    smtp: trusting,
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'handshake stalls',
    behaviours: [{ kind: 'handshake-broken', by: 'stall' }],
    smtp: trusting,
    class: 'tls',
    phase: 'tls',
  },
  {
    name: 'password refused',
    behaviours: [{ kind: 'auth-refused' }],
    smtp: withAuth,
    class: 'auth',
    phase: 'auth',
  },
  {
    name: 'authentication required, none given',
    behaviours: [{ kind: 'auth-required' }],
    smtp: trusting,
    class: 'auth',
    phase: 'envelope',
  },
  {
    name: 'sender refused 5xx',
    behaviours: [{ kind: 'sender-refused', reply: '550 5.7.1 Sender unknown' }],
    smtp: trusting,
    class: 'rejected',
    phase: 'envelope',
  },
  {
    name: 'sender refused 4xx',
    behaviours: [{ kind: 'sender-refused', reply: '451 4.3.0 Try later' }],
    smtp: trusting,
    class: 'deferred',
    phase: 'envelope',
  },
  {
    name: 'relay denied',
    behaviours: [{ kind: 'relay-denied' }],
    smtp: trusting,
    class: 'rejected',
    phase: 'envelope',
  },
  {
    name: 'all recipients greylisted',
    behaviours: [{ kind: 'relay-denied', reply: '450 4.2.0 Greylisted' }],
    smtp: trusting,
    class: 'deferred',
    phase: 'envelope',
  },
  {
    name: 'DATA refused 4xx',
    behaviours: [{ kind: 'data-refused', reply: '451 4.3.0 Queue file write error' }],
    smtp: trusting,
    class: 'deferred',
    phase: 'envelope',
  },
  {
    name: 'over the size limit',
    behaviours: [{ kind: 'size-limit', bytes: 100, advertised: true }],
    smtp: trusting,
    class: 'rejected',
    phase: 'envelope',
  },
  {
    name: 'over an unadvertised size limit',
    behaviours: [{ kind: 'size-limit', bytes: 100, advertised: false }],
    smtp: trusting,
    class: 'rejected',
    phase: 'final-reply',
  },
  ...(['mail', 'rcpt', 'data'] as const).flatMap((at): StagedFailure[] => [
    {
      name: `reset at ${at.toUpperCase()}`,
      behaviours: [{ kind: 'break', at, by: 'reset' }],
      smtp: trusting,
      class: 'unreachable',
      phase: 'envelope',
    },
    {
      name: `stall at ${at.toUpperCase()}`,
      behaviours: [{ kind: 'break', at, by: 'stall' }],
      smtp: trusting,
      class: 'unreachable',
      phase: 'envelope',
    },
  ]),
  {
    name: 'reset in the middle of the body',
    behaviours: [{ kind: 'break', at: 'body', by: 'reset', afterBytes: 10 }],
    smtp: trusting,
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'reset after the final dot',
    behaviours: [{ kind: 'break', at: 'final-dot', by: 'reset' }],
    smtp: trusting,
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'closed after the final dot',
    behaviours: [{ kind: 'break', at: 'final-dot', by: 'close' }],
    smtp: trusting,
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'stall after the final dot',
    behaviours: [{ kind: 'break', at: 'final-dot', by: 'stall' }],
    smtp: trusting,
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'final reply is not SMTP',
    behaviours: [{ kind: 'final-reply', reply: 'banana' }],
    smtp: trusting,
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'read so slowly that the send times out',
    behaviours: [{ kind: 'slow', bytesPerSecond: 1 }],
    smtp: { trustCertificate: true, sendTimeoutMs: 600 },
    class: 'unknown',
    phase: 'final-reply',
  },
  {
    name: 'data refused 4xx',
    behaviours: [{ kind: 'final-reply', reply: '452 4.3.1 Insufficient system storage' }],
    smtp: trusting,
    class: 'deferred',
    phase: 'final-reply',
  },
  {
    name: 'data refused 5xx',
    behaviours: [{ kind: 'final-reply', reply: '554 5.6.0 Message looks like spam' }],
    smtp: trusting,
    class: 'rejected',
    phase: 'final-reply',
  },
];
