import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { FaultSwitch, FaultSwitches } from '../../console/sources/local.ts';
import type { LocalPipeline } from '../pipeline.ts';
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

/** The faults that are always in the hint; `f` shows the others. */
const SHOWN_FAULT_KEYS = ['m', 's'];

/** What the keys of a terminal do while the pipeline runs: break servers, repair them, send a mail. */
export class DemoKeys {
  readonly #pipeline: LocalPipeline;
  readonly #screen: DemoScreen;
  readonly #addresses: string;
  readonly #faults: FaultSwitches;
  #sent = 0;

  /** @param addresses of all parts, shown on request */
  constructor(pipeline: LocalPipeline, screen: DemoScreen, addresses: string, faults: FaultSwitches) {
    this.#pipeline = pipeline;
    this.#screen = screen;
    this.#addresses = addresses;
    this.#faults = faults;
  }

  hint(): void {
    const keys = [
      ...this.#faults
        .list()
        .filter(({ key, since }) => SHOWN_FAULT_KEYS.includes(key) || since !== undefined)
        .map(({ key, server, since }) => `${key} ${since === undefined ? 'breaks' : 'repairs'} ${server}`),
      'f all faults',
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
        case 'f':
          return this.#showFaults();
        case 'n':
          return await this.#sendMail();
        case 'a':
          return this.#screen.say(this.#addresses);
        case '?':
        case '\r':
          return this.hint();
        default:
          return await this.#toggle(key);
      }
    } catch (error) {
      this.#screen.say(describeTrouble(error) ?? String(error));
    }
  }

  async #toggle(key: string): Promise<void> {
    const fault = this.#faults.list().find((one) => one.key === key);
    if (fault === undefined) return;
    await this.#faults.set(fault.id, fault.since === undefined);
    this.hint();
  }

  #showFaults(): void {
    for (const { key, server, does, since } of this.#faults.list()) {
      const state = since === undefined ? 'off' : this.#screen.paint('red', 'on ');
      this.#screen.say(`  ${key}  ${state.padEnd(3)}  ${server} ${does}`);
    }
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

/** Says that a fault was switched, by a key or on the page. */
export function showFault(screen: DemoScreen, { server, does, effect, since }: FaultSwitch): void {
  if (since === undefined) {
    screen.say(`${server} is ${screen.paint('green', 'repaired')}: no longer it ${does}`);
    return;
  }
  screen.say(`${server} is ${screen.paint('red', 'broken')}: it ${does}`);
  screen.detail(effect);
}
