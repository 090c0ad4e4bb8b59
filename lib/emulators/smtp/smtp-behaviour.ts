import type { Mailbox } from './received-mail.ts';

/**
 * How the SMTP double behaves. All behaviours passed to `behave` apply at once: two refused recipients and a
 * connection reset after the final dot are two behaviours.
 *
 * A reply is written as on the wire, without the CRLF: `'452 4.3.1 Insufficient system storage'`.
 */
export type SmtpBehaviour =
  /** Accepts everything: STARTTLS with a self-signed certificate, AUTH with any credentials or none. */
  | { readonly kind: 'healthy' }
  /** Not listening: `ECONNREFUSED`. Open connections are reset. The port stays reserved for the recovery. */
  | { readonly kind: 'refused' }
  /** TCP connects, but no greeting is sent. Open connections get no replies either. */
  | { readonly kind: 'blackhole' }
  | SmtpBreak
  /**
   * This line instead of the 220 greeting. After a 4xx or 5xx the connection is closed; after anything else
   * (`'banana'`, like a broken server) it stays open.
   */
  | { readonly kind: 'greeting'; readonly reply: string }
  /** These are not in the reply to EHLO. */
  | { readonly kind: 'without'; readonly extensions: readonly SmtpExtension[] }
  /** The certificate is expired or for another name; its key and signature are valid. */
  | { readonly kind: 'certificate'; readonly flaw: 'expired' | 'wrong-name' }
  /** STARTTLS is advertised, but refused. @default reply `454 4.7.0 TLS not available` */
  | { readonly kind: 'starttls-refused'; readonly reply?: SmtpRefusal }
  /** The handshake of STARTTLS (or implicit TLS) ends at the ClientHello. `garbage` is plain text. */
  | { readonly kind: 'handshake-broken'; readonly by: SmtpBreakAction | 'garbage' }
  /**
   * The reply to MAIL without AUTH is `530 5.7.0`. If an account is set, any other gets `535 5.7.8`;
   * otherwise any credentials are accepted.
   */
  | { readonly kind: 'auth-required'; readonly account?: SmtpAccount }
  /** AUTH is required, and every AUTH is refused. @default reply `535 5.7.8 …` */
  | { readonly kind: 'auth-refused'; readonly reply?: SmtpRefusal }
  /** The reply to every MAIL FROM. */
  | { readonly kind: 'sender-refused'; readonly reply: SmtpRefusal }
  /** The replies to RCPT TO by address (in lower case); all other addresses are accepted. */
  | { readonly kind: 'recipients-refused'; readonly replies: Readonly<Record<string, SmtpRefusal>> }
  /** The reply to every RCPT TO. @default reply `554 5.7.1 Relay access denied` */
  | { readonly kind: 'relay-denied'; readonly reply?: SmtpRefusal }
  /** The reply to DATA, instead of 354. */
  | { readonly kind: 'data-refused'; readonly reply: SmtpRefusal }
  /**
   * A larger message is read to its end and then refused with `552 5.3.4`. If advertised, EHLO contains
   * `SIZE n`, and a MAIL FROM that declares a larger size is refused with 552 at once.
   */
  | { readonly kind: 'size-limit'; readonly bytes: number; readonly advertised: boolean }
  /** The reply after the final dot; if it is no refusal, it counts as no reply. */
  | { readonly kind: 'final-reply'; readonly reply: string }
  /**
   * The message is read at this rate. The buffers of both sockets accept data at once, so with a small
   * message the client notices the rate only in the time to the final reply: its bytes / bytesPerSecond.
   */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /**
   * A connection cannot be reused after a message: it ends right after the reply, or (the race that a pool
   * loses) at the client's next command, and looks alive until then.
   */
  | {
      readonly kind: 'drops-idle';
      readonly by: 'close' | 'reset';
      readonly when: 'after-reply' | 'next-command';
    };

/** The connection breaks at a stage; in the body after reading `afterBytes` (default 1). */
export type SmtpBreak = {
  readonly kind: 'break';
  readonly at: SmtpStage;
  readonly by: SmtpBreakAction;
  readonly afterBytes?: number;
};

/**
 * Stages of an SMTP session. A break at a stage replaces the reply of that stage: `connect` before the
 * greeting; `ehlo`, `mail`, `rcpt` (the first) and `data` (before the 354) at the command; `go-ahead` after
 * sending 354 and before reading the message; `body` within the message; `final-dot` after the complete
 * message and before its reply, so that the client cannot know whether it was accepted.
 */
export type SmtpStage = 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'go-ahead' | 'body' | 'final-dot';

/** `reset`: RST, `ECONNRESET`. `close`: FIN, an orderly end. `stall`: it stays open without replies. */
export type SmtpBreakAction = 'reset' | 'close' | 'stall';

export type SmtpExtension = 'PIPELINING' | 'SMTPUTF8' | '8BITMIME' | 'STARTTLS' | 'AUTH' | 'DSN';

export type SmtpRefusal = `${4 | 5}${number} ${string}`;

type SmtpAccount = { readonly user: string; readonly pass: string };

type Kind = SmtpBehaviour['kind'];
type BehaviourOf<K extends Kind> = Extract<SmtpBehaviour, { kind: K }>;

/** The first behaviour of that kind. */
export function behaviourOf<K extends Kind>(
  behaviours: readonly SmtpBehaviour[],
  kind: K,
): BehaviourOf<K> | undefined {
  return behaviours.find((behaviour): behaviour is BehaviourOf<K> => behaviour.kind === kind);
}

/** The break at that stage, if any. */
export function breakAt(behaviours: readonly SmtpBehaviour[], stage: SmtpStage): SmtpBreak | undefined {
  return behaviours.find(
    (behaviour): behaviour is SmtpBreak => behaviour.kind === 'break' && behaviour.at === stage,
  );
}

/** State shared by a double's connections. Behaviours change at runtime, so they are read at each stage. */
export type SmtpStageSet = {
  readonly behaviours: () => readonly SmtpBehaviour[];
  readonly mailbox: Mailbox;
  readonly reached: (stage: SmtpStage) => void;
  /** Ends waits in connections when the double closes. */
  readonly closing: AbortSignal;
};

const STAGE_OF_COMMAND: Readonly<Record<string, SmtpStage>> = {
  EHLO: 'ehlo',
  HELO: 'ehlo',
  MAIL: 'mail',
  RCPT: 'rcpt',
  DATA: 'data',
};

export function stageOfCommand(name: string): SmtpStage | undefined {
  return STAGE_OF_COMMAND[name];
}

/** A 4xx or 5xx reply as the error type of smtp-server. */
export class SmtpRefusalError extends Error {
  readonly responseCode: number;

  constructor(reply: SmtpRefusal) {
    super(reply.slice(4));
    this.responseCode = Number(reply.slice(0, 3));
  }
}

export function isRefusal(reply: string): reply is SmtpRefusal {
  return /^[45]\d\d /.test(reply);
}
