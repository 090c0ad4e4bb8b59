import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { LocalPipeline } from '../pipeline.ts';
import type { FaultHandle } from '../ses/fault.ts';
import type { DemoScreen } from './demo-screen.ts';
import { insertRows } from './outbound-rows.ts';
import { describeTrouble } from './trouble.ts';

/** Standard input, which may be a terminal. */
export type KeyInput = Pick<NodeJS.ReadStream, 'on' | 'off' | 'pause' | 'resume'> & {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
};

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

/** What the keys of a terminal do while the pipeline runs: break servers, repair them, send a mail. */
export class DemoKeys {
  readonly #pipeline: LocalPipeline;
  readonly #screen: DemoScreen;
  readonly #addresses: string;
  #smtpIsBroken = false;
  #sesFault: FaultHandle | undefined;
  #sent = 0;

  /** @param addresses of all parts, shown on request */
  constructor(pipeline: LocalPipeline, screen: DemoScreen, addresses: string) {
    this.#pipeline = pipeline;
    this.#screen = screen;
    this.#addresses = addresses;
  }

  hint(): void {
    const keys = [
      `m ${this.#smtpIsBroken ? 'repairs' : 'breaks'} mail-core`,
      `s ${this.#sesFault === undefined ? 'breaks' : 'repairs'} SES`,
      'n sends a mail',
      'a addresses',
      'q ends it',
    ];
    this.#screen.say(this.#screen.paint('bold', keys.join(' · ')));
  }

  /** Follows the keys until one of them ends it, or the signal aborts. Without a terminal it waits for the signal. */
  async follow(input: KeyInput, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const listener = (data: Buffer) => {
      for (const key of data.toString('utf8')) {
        if (key === 'q' || key === CTRL_C || key === CTRL_D) ended.abort();
        else void this.#press(key);
      }
    };
    if (input.isTTY === true) {
      this.hint();
      input.setRawMode?.(true);
      input.on('data', listener).resume();
    }
    try {
      if (!either.aborted) await once(either, 'abort');
    } finally {
      input.off('data', listener).pause();
      if (input.isTTY === true) input.setRawMode?.(false);
    }
  }

  async #press(key: string): Promise<void> {
    try {
      switch (key) {
        case 'm':
          return await this.#toggleSmtp();
        case 's':
          return this.#toggleSes();
        case 'n':
          return await this.#sendMail();
        case 'a':
          return this.#screen.say(this.#addresses);
        case '?':
        case '\r':
          return this.hint();
      }
    } catch (error) {
      this.#screen.say(describeTrouble(error) ?? String(error));
    }
  }

  async #toggleSmtp(): Promise<void> {
    this.#smtpIsBroken = !this.#smtpIsBroken;
    await this.#pipeline.smtp.behave({ kind: this.#smtpIsBroken ? 'refused' : 'healthy' });
    this.#tell('mail-core', this.#smtpIsBroken, 'refuses connections; mail goes out by SES');
  }

  #toggleSes(): void {
    if (this.#sesFault === undefined) {
      const effect = { kind: 'server-error', status: 503 } as const;
      this.#sesFault = this.#pipeline.services.ses.fault({ effect, times: Number.POSITIVE_INFINITY });
    } else {
      this.#sesFault.remove();
      this.#sesFault = undefined;
    }
    this.#tell('SES', this.#sesFault !== undefined, 'answers 503; what needs it waits in the queue');
  }

  #tell(server: string, isBroken: boolean, how: string): void {
    const state = isBroken ? this.#screen.paint('red', 'broken') : this.#screen.paint('green', 'repaired');
    this.#screen.say(`${server} is ${state}${isBroken ? `: it ${how}` : ''}`);
    this.hint();
  }

  async #sendMail(): Promise<void> {
    this.#sent += 1;
    const id = `mine-${this.#sent}-${randomUUID().slice(0, 4)}`;
    const mail = {
      from: 'KeyBuzz <support@keybuzz.io>',
      to: 'marie@example.org',
      subject: `Mail ${this.#sent} of mine`,
      text: 'Sent by a key.',
    };
    await insertRows(this.#pipeline.pool, [{ id, tenantId: 'shop-a', mail }], new Date());
    this.#screen.detail(`the API has written the row ${id}`);
  }
}
