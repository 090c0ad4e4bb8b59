import type { FaultSwitch, FaultSwitches } from '../../console/sources/local.ts';
import { type Clock, systemClock } from '../../ports/runtime.ts';
import type { LocalPipeline } from '../pipeline.ts';
import type { FaultEffect } from '../ses/fault.ts';
import type { SmtpBehaviour } from '../smtp/smtp-behaviour.ts';

type FaultDefinition = Omit<FaultSwitch, 'since'> &
  (
    | { readonly server: 'mail-core'; readonly behaviour: SmtpBehaviour }
    /** @returns what ends it */
    | { readonly server: 'SES' | 'SQS'; readonly begin: (pipeline: FaultyParts) => () => void }
  );

type FaultyParts = Pick<LocalPipeline, 'smtp' | 'services'>;

/** All that can be broken, by the keys of the terminal and on the page. */
const FAULTS = [
  {
    id: 'smtp-refuses',
    key: 'm',
    server: 'mail-core',
    does: 'refuses connections',
    effect: 'Mail goes out by SES. After a few tries mail-core counts as down, and mail skips it.',
    behaviour: { kind: 'refused' },
  },
  {
    id: 'smtp-greylists',
    key: 'g',
    server: 'mail-core',
    does: 'greylists: 451 for every recipient',
    effect: 'Each mail is tried once and goes out by SES: it need not wait for the greylist.',
    behaviour: { kind: 'relay-denied', reply: '451 4.7.1 Greylisted, please try again in 5 minutes' },
  },
  {
    id: 'smtp-never-greets',
    key: 'h',
    server: 'mail-core',
    does: 'accepts connections and never greets',
    effect: 'The first mails wait until their time is up; then mail skips it and goes out by SES.',
    behaviour: { kind: 'blackhole' },
  },
  {
    id: 'smtp-certificate',
    key: 'c',
    server: 'mail-core',
    does: 'shows an expired certificate',
    effect: 'No mail is sent over a connection that cannot be trusted; it goes out by SES.',
    behaviour: { kind: 'certificate', flaw: 'expired' },
  },
  {
    id: 'smtp-cuts-off',
    key: 'x',
    server: 'mail-core',
    does: 'cuts the connection after the data',
    effect: 'Whether it has the mail is unknown. The mail goes out by SES: twice is better than never.',
    behaviour: { kind: 'break', at: 'final-dot', by: 'reset' },
  },
  {
    id: 'ses-down',
    key: 's',
    server: 'SES',
    does: 'answers 503',
    effect: 'Mail that needs SES waits in its queue and is tried again.',
    begin: sesFault({ kind: 'server-error', status: 503 }),
  },
  {
    id: 'ses-throttles',
    key: 't',
    server: 'SES',
    does: 'throttles every call',
    effect: 'The rate is lowered, and mail that needs SES waits in its queue.',
    begin: sesFault({ kind: 'throttling' }),
  },
  {
    id: 'ses-pauses',
    key: 'p',
    server: 'SES',
    does: 'has paused sending for the account',
    effect: 'All functions stop calling it but for a probe; mail that needs SES waits in its queue.',
    begin: ({ services: { ses } }) => {
      ses.account.sendingEnabled = false;
      return () => {
        ses.account.sendingEnabled = true;
      };
    },
  },
  {
    id: 'ses-loses-responses',
    key: 'l',
    server: 'SES',
    does: 'sends the mail and loses its response',
    effect: 'The send event of SES proves that the mail went out; it is not sent again.',
    begin: sesFault({ kind: 'reset', accepted: true }),
  },
  {
    id: 'sqs-down',
    key: 'd',
    server: 'SQS',
    does: 'answers 503',
    effect: 'What mail-core does not take stays in the outbox and is tried again; no status comes back.',
    begin: ({ services: { aws } }) => {
      const handle = aws.fault({ fault: { kind: 'error', status: 503 }, on: { service: 'sqs' } });
      return () => handle.remove();
    },
  },
] as const satisfies readonly FaultDefinition[];

function sesFault(effect: FaultEffect): (pipeline: FaultyParts) => () => void {
  return ({ services: { ses } }) => {
    const handle = ses.fault({ effect, times: Number.POSITIVE_INFINITY });
    return () => handle.remove();
  };
}

type FaultListener = (fault: FaultSwitch) => void;

/** The faults of the local servers. Several may be on at once. */
export class LocalFaults implements FaultSwitches {
  readonly #parts: FaultyParts;
  readonly #clock: Clock;
  readonly #onChange: FaultListener;
  readonly #on = new Map<string, { readonly since: Date; readonly end: () => void }>();
  /** One change after another, since a mail server takes a moment to stop listening. */
  #changed: Promise<unknown> = Promise.resolve();

  /** @param onChange called after each change, by key or page */
  constructor(parts: FaultyParts, onChange: FaultListener = () => {}, clock: Clock = systemClock) {
    this.#parts = parts;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  list(): readonly FaultSwitch[] {
    return FAULTS.map(({ id, key, server, does, effect }) => {
      return { id, key, server, does, effect, since: this.#on.get(id)?.since };
    });
  }

  set(id: string, isOn: boolean): Promise<boolean> {
    const change = this.#changed.then(() => this.#set(id, isOn));
    this.#changed = change.catch(() => {});
    return change;
  }

  async #set(id: string, isOn: boolean): Promise<boolean> {
    const fault: FaultDefinition | undefined = FAULTS.find((one) => one.id === id);
    if (fault === undefined) return false;
    const known = this.#on.get(id);
    if (isOn === (known !== undefined)) return true;
    if (known !== undefined) {
      known.end();
      this.#on.delete(id);
    } else {
      const end = 'begin' in fault ? fault.begin(this.#parts) : () => {};
      this.#on.set(id, { since: this.#clock.now(), end });
    }
    if ('behaviour' in fault) await this.#behave(fault.behaviour);
    const changed = this.list().find((one) => one.id === id);
    if (changed !== undefined) this.#onChange(changed);
    return true;
  }

  async #behave(changed: SmtpBehaviour): Promise<void> {
    const { smtp } = this.#parts;
    await smtp.behave(
      ...FAULTS.flatMap((fault) => ('behaviour' in fault && this.#on.has(fault.id) ? [fault.behaviour] : [])),
    );
    // Open connections were greeted and have seen a certificate: only new ones meet these two.
    if (changed.kind === 'certificate' || changed.kind === 'blackhole') smtp.dropConnections('close');
  }
}
