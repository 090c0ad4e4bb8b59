import {
  NEEDED_FOR_ONE_SEND_MS,
  RESEND_BATCH_SIZE,
  RESEND_TIMEOUT_SECONDS,
} from '../../lambda/resend/constants.ts';
import { expiryOf } from '../../lambda/resend/expiry.ts';
import { SendTurns, type Turn, type TurnReports } from '../../lambda/resend/send-turns.ts';
import { type RetryPace, retryDelaySeconds } from '../../lib/domain/retry.ts';
import { paceOfMail } from '../../lib/domain/ses-outage.ts';
import { noMetrics, silentLog } from '../../lib/ports/runtime.ts';
import type { SendResponse } from '../../lib/ports/senders.ts';
import { ASSUMED } from './assumptions.ts';
import type { SimulatedMail, SimulatedMessage, SimulatedQueue } from './simulated-queue.ts';
import type { SimulatedSes } from './simulated-ses.ts';
import type { SimulatedState } from './simulated-state.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface FunctionDeps {
  readonly time: VirtualTime;
  readonly state: SimulatedState;
  readonly ses: SimulatedSes;
  readonly random: () => number;
  readonly hasFuse: boolean;
  readonly hold: (mail: SimulatedMail) => void;
  readonly onDone: (message: SimulatedMessage, how: 'sent' | 'expired') => void;
  readonly usage: FunctionUsage;
}

/** What is billed, of all functions. */
export interface FunctionUsage {
  invocations: number;
  functionMs: number;
  /** Requests for one item, beside those of the common state. */
  ledgerWrites: number;
  ledgerReads: number;
  /** Receipts, dead letters and held mail. */
  sqsSends: number;
}

type GrantedTurn = Extract<Turn, { readonly kind: 'turn' }>;

type Result = { readonly kind: 'done' } | { readonly kind: 'retry'; readonly delaySeconds: number };

/** What the mails of one invocation share. */
interface Calls {
  readonly turns: SendTurns;
  readonly deadline: Date;
  /** Mails without a result. */
  pending: number;
}

const DONE: Result = { kind: 'done' };

const REPORTS: TurnReports = { log: silentLog, metrics: noMetrics };

/** As in lambda/resend/send-batch.ts. */
const CLAIM_LEAD_MS = 50;

/**
 * The resend function as one event source runs it, as often as its concurrency allows. What the mail waits for, how
 * long, and when it is received again is the code of the function; the requests between are waits of a fixed time.
 */
export class SimulatedFunctions {
  readonly #deps: FunctionDeps;
  readonly #queue: SimulatedQueue;
  readonly #isHeld: boolean;
  readonly #idle: (() => void)[] = [];

  constructor(
    queue: SimulatedQueue,
    { concurrency, isHeld = false }: { readonly concurrency: number; readonly isHeld?: boolean },
    deps: FunctionDeps,
  ) {
    this.#deps = deps;
    this.#queue = queue;
    this.#isHeld = isHeld;
    queue.onVisible = (count) => this.#wake(Math.ceil(count / RESEND_BATCH_SIZE));
    for (let one = 0; one < concurrency; one += 1) void this.#poll();
  }

  /** One poller with its function, which keeps what it knows of the common state between invocations. */
  async #poll(): Promise<void> {
    const { time, state, ses, random, hasFuse } = this.#deps;
    const sleep = (ms: number) => time.sleep(ms);
    const turns = new SendTurns({ store: state, limits: ses, hasFuse, clock: time, sleep, random });
    for (;;) {
      await time.sleep(ASSUMED.sqsMs);
      const messages = this.#queue.receive(RESEND_BATCH_SIZE);
      if (messages.length > 0) await this.#invoke(messages, turns);
      else await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  #wake(functions: number): void {
    for (const wake of this.#idle.splice(0, functions)) {
      this.#deps.time.continues();
      wake();
    }
  }

  async #invoke(messages: readonly SimulatedMessage[], turns: SendTurns): Promise<void> {
    const { time, usage } = this.#deps;
    const startMs = time.nowMs;
    const deadline = new Date(startMs + RESEND_TIMEOUT_SECONDS * 1000 - NEEDED_FOR_ONE_SEND_MS);
    const calls: Calls = { turns, deadline, pending: messages.length };
    const results = await Promise.all(messages.map((message) => this.#resend(message, calls)));
    // The receipts, and side by side the visibility timeouts.
    await time.sleep(ASSUMED.sqsMs);
    if (results.some(({ kind }) => kind === 'done')) usage.sqsSends += 1;
    usage.invocations += 1;
    usage.functionMs += time.nowMs - startMs;
    for (const [index, message] of messages.entries()) {
      const result = results[index];
      if (result?.kind === 'retry') this.#queue.release(message, result.delaySeconds);
    }
    await time.sleep(ASSUMED.sqsMs);
    this.#queue.delete(messages.filter((_, index) => results[index]?.kind === 'done'));
  }

  async #resend(message: SimulatedMessage, calls: Calls): Promise<Result> {
    const turn = await this.#takeTurn(message, calls);
    if (turn.kind === 'turn') return this.#send(message, turn.at.getTime(), calls);
    calls.pending -= 1;
    return turn;
  }

  /** As `resendMessage`, for a mail that nothing is wrong with. */
  async #takeTurn(message: SimulatedMessage, { turns, deadline }: Calls): Promise<GrantedTurn | Result> {
    const { mail } = message;
    const { time } = this.#deps;
    const startMs = time.nowMs;
    if (this.#isExpired(message)) return this.#expire(message);
    const { isUrgent } = mail;
    const blocked = await turns.untilOpen({ isUrgent, isHeld: this.#isHeld, deadline, ...REPORTS });
    if (time.nowMs > startMs && this.#isExpired(message)) return this.#expire(message);
    if (blocked !== undefined) return this.#retry(message, 'outage');
    if (time.nowMs >= deadline.getTime()) return this.#retry(message, 'rate');
    await turns.maxRecipients(REPORTS);
    if (await this.#isHeldNow(mail, turns)) return this.#hold(mail);
    if (time.nowMs >= deadline.getTime()) return this.#retry(message, 'rate');
    const turn = await turns.take({ recipients: 1, isUrgent, deadline, ...REPORTS });
    return turn.kind === 'turn' ? turn : this.#retry(message, turn.cause === 'rate' ? 'rate' : 'outage');
  }

  /** Looks for the recipient in the suppression list, and while the fuse holds among those delivered to. */
  async #isHeldNow(mail: SimulatedMail, turns: SendTurns): Promise<boolean> {
    await this.#read();
    if (mail.isUrgent || !(await turns.isHolding(REPORTS))) return false;
    await this.#read();
    return !mail.isKnown;
  }

  async #send(message: SimulatedMessage, turnMs: number, calls: Calls): Promise<Result> {
    this.#deps.usage.ledgerWrites += 2;
    const response = await this.#call(message, turnMs, calls);
    await calls.turns.report(response, REPORTS);
    if (response.kind === 'sent') return DONE;
    const { verdict } = response;
    return this.#retry(message, verdict.kind === 'retry' ? paceOfMail(verdict) : 'hours');
  }

  /**
   * Claims, calls SES at its turn, and records the result; in two events, since there are millions of calls. A success
   * changes nothing for the others, so that only the last of a batch is waited for.
   */
  #call(message: SimulatedMessage, turnMs: number, calls: Calls): Promise<SendResponse> {
    const { time, ses, state, random, onDone } = this.#deps;
    const claimMs = Math.max(time.nowMs, turnMs - CLAIM_LEAD_MS);
    const callMs = Math.max(claimMs + ASSUMED.dynamoDbMs, turnMs);
    return new Promise((resolve) => {
      time.at(callMs + ASSUMED.toSesMs * (1 + random()), () => {
        const response = ses.send(message.mail.bounceShare);
        time.at(callMs + ASSUMED.sesMs + ASSUMED.dynamoDbMs, () => {
          calls.pending -= 1;
          const isSent = response.kind === 'sent';
          if (isSent) onDone(message, 'sent');
          if (!isSent || calls.pending === 0 || state.state.outage !== undefined) time.continues();
          resolve(response);
        });
      });
    });
  }

  async #hold(mail: SimulatedMail): Promise<Result> {
    const { time, usage, hold } = this.#deps;
    usage.sqsSends += 1;
    await time.sleep(ASSUMED.sqsMs);
    hold(mail);
    return DONE;
  }

  async #expire(message: SimulatedMessage): Promise<Result> {
    const { time, usage, onDone } = this.#deps;
    await this.#read();
    usage.sqsSends += 1;
    await time.sleep(ASSUMED.sqsMs);
    onDone(message, 'expired');
    return DONE;
  }

  #isExpired({ mail, sentAtMs }: SimulatedMessage): boolean {
    return expiryOf(mail, new Date(sentAtMs), this.#deps.time.now()) !== undefined;
  }

  #retry({ receives }: SimulatedMessage, pace: RetryPace): Result {
    return { kind: 'retry', delaySeconds: retryDelaySeconds(pace, receives, this.#deps.random()) };
  }

  #read(): Promise<void> {
    this.#deps.usage.ledgerReads += 1;
    return this.#deps.time.sleep(ASSUMED.dynamoDbMs);
  }
}
