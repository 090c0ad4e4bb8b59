import type { Mailbox } from './received-mail.ts';

/**
 * How the SMTP double behaves. Behaviours are given to `behave` together and all hold at once: two refused
 * recipients and a connection that is reset after the final dot are two behaviours.
 *
 * A reply is written as it stands on the wire, without the CRLF: `'452 4.3.1 Insufficient system storage'`.
 */
export type SmtpBehaviour =
  /** Takes everything: STARTTLS with a self-signed certificate, AUTH with any name and password or none. */
  | { readonly kind: 'healthy' }
  /** Nothing listens: `ECONNREFUSED`. Open connections are reset. The port is kept for the day of recovery. */
  | { readonly kind: 'refused' }
  /** TCP connects and then nothing: no greeting, ever. Open connections are not answered any more either. */
  | { readonly kind: 'blackhole' }
  | SmtpBreak
  /**
   * This line in place of the 220 greeting. After a 4xx or 5xx the connection is closed; anything else
   * (`'banana'`, half a web server) leaves it open.
   */
  | { readonly kind: 'greeting'; readonly reply: string }
  /** These are not in the answer to EHLO. */
  | { readonly kind: 'without'; readonly extensions: readonly SmtpExtension[] }
  /** The certificate has run out, or was issued for another name; its key and signature are good. */
  | { readonly kind: 'certificate'; readonly flaw: 'expired' | 'wrong-name' }
  /** STARTTLS is offered and then answered with this; `454 4.7.0 TLS not available` unless told otherwise. */
  | { readonly kind: 'starttls-refused'; readonly reply?: SmtpRefusal }
  /** The handshake of STARTTLS (or of implicit TLS) ends at the client's hello. `garbage` is plain text. */
  | { readonly kind: 'handshake-broken'; readonly by: SmtpBreakAction | 'garbage' }
  /**
   * MAIL without AUTH is answered `530 5.7.0`. Where an account is given, any other is answered `535 5.7.8`;
   * otherwise any name and password will do.
   */
  | { readonly kind: 'auth-required'; readonly account?: SmtpAccount }
  /** AUTH is required and every AUTH is answered with this, `535 5.7.8 …` unless told otherwise. */
  | { readonly kind: 'auth-refused'; readonly reply?: SmtpRefusal }
  /** Every MAIL FROM is answered with this. */
  | { readonly kind: 'sender-refused'; readonly reply: SmtpRefusal }
  /** RCPT TO of these addresses (in lower case) is answered with the reply beside each; the others are taken. */
  | { readonly kind: 'recipients-refused'; readonly replies: Readonly<Record<string, SmtpRefusal>> }
  /** Every RCPT TO is answered with this, `554 5.7.1 Relay access denied` unless told otherwise. */
  | { readonly kind: 'relay-denied'; readonly reply?: SmtpRefusal }
  /** DATA is answered with this in place of the 354. */
  | { readonly kind: 'data-refused'; readonly reply: SmtpRefusal }
  /**
   * A larger message is read to its end and then answered `552 5.3.4`. When advertised, EHLO says `SIZE n`,
   * and a MAIL FROM that declares a larger size is answered 552 at once.
   */
  | { readonly kind: 'size-limit'; readonly bytes: number; readonly advertised: boolean }
  /** The message is read to its final dot and then answered with this; what is no refusal counts as no answer. */
  | { readonly kind: 'final-reply'; readonly reply: string }
  /**
   * The message is read at this rate. What the buffers of the two sockets take is gone at once, so a client
   * sees the slowness of a small message only in the time to the final reply: its bytes / bytesPerSecond.
   */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /**
   * A connection that has delivered a message is not fit for another: it goes away right after the reply, or
   * (the race that a pool loses) looks alive until the client's next command.
   */
  | {
      readonly kind: 'drops-idle';
      readonly by: 'close' | 'reset';
      readonly when: 'after-reply' | 'next-command';
    };

/** The connection breaks at a stage. In the body, after the first `afterBytes` (default 1) bytes of it were read. */
export type SmtpBreak = {
  readonly kind: 'break';
  readonly at: SmtpStage;
  readonly by: SmtpBreakAction;
  readonly afterBytes?: number;
};

/**
 * How far a conversation came. What breaks at a stage breaks in place of the answer that stage is due:
 * `connect` before the greeting; `ehlo`, `mail`, `rcpt` (the first) and `data` (before the 354) at the command;
 * `go-ahead` when the 354 is out and before any byte of the message is read; `body` inside of the message;
 * `final-dot` when the message is in, whole, and before its reply: the client cannot know if it was taken.
 */
export type SmtpStage = 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'go-ahead' | 'body' | 'final-dot';

/** `reset`: RST, `ECONNRESET`. `close`: FIN, an orderly end. `stall`: the connection stays and is silent for ever. */
export type SmtpBreakAction = 'reset' | 'close' | 'stall';

export type SmtpExtension = 'PIPELINING' | 'SMTPUTF8' | '8BITMIME' | 'STARTTLS' | 'AUTH';

export type SmtpRefusal = `${4 | 5}${number} ${string}`;

type SmtpAccount = { readonly user: string; readonly pass: string };

type Kind = SmtpBehaviour['kind'];
type BehaviourOf<K extends Kind> = Extract<SmtpBehaviour, { kind: K }>;

/** The first of the behaviours that is of the kind. */
export function behaviourOf<K extends Kind>(
  behaviours: readonly SmtpBehaviour[],
  kind: K,
): BehaviourOf<K> | undefined {
  return behaviours.find((behaviour): behaviour is BehaviourOf<K> => behaviour.kind === kind);
}

/** The break that stands for the stage, if one does. */
export function breakAt(behaviours: readonly SmtpBehaviour[], stage: SmtpStage): SmtpBreak | undefined {
  return behaviours.find(
    (behaviour): behaviour is SmtpBreak => behaviour.kind === 'break' && behaviour.at === stage,
  );
}

/** What the connections of one double share. The behaviours are read anew at each stage: they change at runtime. */
export type SmtpStageSet = {
  readonly behaviours: () => readonly SmtpBehaviour[];
  readonly mailbox: Mailbox;
  readonly reached: (stage: SmtpStage) => void;
  /** Ends waits inside of connections when the double closes. */
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

/** A 4xx or 5xx reply in the shape that smtp-server answers with. */
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
