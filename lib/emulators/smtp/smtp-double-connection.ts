import type { Socket } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import {
  behaviourOf,
  breakAt,
  isRefusal,
  type SmtpBreakAction,
  type SmtpStage,
  type SmtpStageSet,
  stageOfCommand,
} from './smtp-behaviour.ts';

const STARTTLS_REFUSED = '454 4.7.0 TLS not available due to local problem';

/**
 * One SMTP session. It intercepts smtp-server before each command and after each reply, since smtp-server's
 * handlers have access to the session, but not to the socket.
 */
export class SmtpDoubleConnection extends SMTPConnection {
  /** Number of the TCP connection. */
  readonly ordinal: number;
  readonly #tcp: Socket;
  readonly #stage: SmtpStageSet;
  #broken = false;
  #dropsAtNextCommand: 'close' | 'reset' | undefined;

  constructor(server: SMTPServer, tcp: Socket, ordinal: number, stage: SmtpStageSet) {
    super(server, tcp);
    this.ordinal = ordinal;
    this.#tcp = tcp;
    this.#stage = stage;
  }

  /** Without smtp-server's delay of 100 ms, which detects clients that send before the greeting. */
  override init(): void {
    if (this.needsUpgrade && this.#breaksHandshake()) return;
    this._setListeners(() => this.connectionReady());
  }

  override _sendGreeting(): void {
    const greeting = behaviourOf(this.#stage.behaviours(), 'greeting');
    if (!greeting) {
      super._sendGreeting();
      return;
    }
    this.sendLine(greeting.reply);
    if (isRefusal(greeting.reply)) this.close();
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    if (this.#broken) return;
    // Lines during AUTH are credentials, not commands; those during a handshake are dropped.
    if (this._nextHandler || this._upgrading) {
      super._onCommand(command, callback);
      return;
    }
    const name = commandName(command);
    if (this.#dropsAtNextCommand) {
      this.breakOff(this.#dropsAtNextCommand);
      return;
    }
    const stage = stageOfCommand(name);
    if (stage && this.reach(stage) === 'broken') return;
    if (name === 'STARTTLS' && this.#breaksStartTls()) return;
    const refusal = this.#findRefusal(name);
    if (refusal === undefined) {
      super._onCommand(command, callback);
      return;
    }
    this.sendLine(refusal);
    callback?.();
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (this.#broken) return;
    super.send(code, data, context);
    if (code === 354) this.reach('go-ahead');
  }

  /** Reports that the session reached the stage, and breaks it if it is configured to break there. */
  reach(stage: SmtpStage): 'broken' | 'goes-on' {
    if (this.#broken) return 'broken';
    const active = breakAt(this.#stage.behaviours(), stage);
    if (active) this.breakOff(active.by, stage);
    this.#stage.reached(stage);
    return active ? 'broken' : 'goes-on';
  }

  /** Ends the session after sending what was written before. */
  breakOff(by: SmtpBreakAction, stage?: SmtpStage): void {
    if (this.#broken) return;
    this.#broken = true;
    if (this._parser) this._socket.unpipe(this._parser);
    if (by === 'reset') this._socket.write('', () => this.#tcp.resetAndDestroy());
    else if (by === 'close') this.close();
    // Within a message, a hung host stops reading, so that the client's writes block.
    else if (stage === 'go-ahead' || stage === 'body') this._socket.pause();
    // Elsewhere keep reading the socket, or the client's disconnect would not be noticed.
    else this._socket.resume();
  }

  /** Drops the connection after sending all replies, at once or at the client's next command. */
  dropIdle(by: 'close' | 'reset', when: 'after-reply' | 'next-command'): void {
    if (when === 'after-reply') this.breakOff(by);
    else this.#dropsAtNextCommand = by;
  }

  /** Writes a raw line. */
  sendLine(line: string): void {
    if (!this.#broken && this._socket.writable) this._socket.write(`${line}\r\n`);
  }

  #findRefusal(command: string): string | undefined {
    const behaviours = this.#stage.behaviours();
    if (command === 'STARTTLS') {
      const refused = behaviourOf(behaviours, 'starttls-refused');
      return refused && (refused.reply ?? STARTTLS_REFUSED);
    }
    if (command === 'DATA' && this.session.envelope.rcptTo.length > 0) {
      return behaviourOf(behaviours, 'data-refused')?.reply;
    }
    return undefined;
  }

  #breaksStartTls(): boolean {
    if (!behaviourOf(this.#stage.behaviours(), 'handshake-broken')) return false;
    this.sendLine('220 Ready to start TLS');
    return this.#breaksHandshake();
  }

  /** Breaks at the ClientHello, so that the client is certainly in the handshake. */
  #breaksHandshake(): boolean {
    const broken = behaviourOf(this.#stage.behaviours(), 'handshake-broken');
    if (!broken) return false;
    if (this._parser) this.#tcp.unpipe(this._parser);
    this.#tcp.on('error', () => {});
    this.#tcp.once('data', () => {
      if (broken.by === 'garbage') this.sendLine('banana');
      else this.breakOff(broken.by);
    });
    this.#tcp.resume();
    return true;
  }
}

function commandName(command: Buffer): string {
  return command.toString('latin1').split(' ', 1).join('').trim().toUpperCase();
}
