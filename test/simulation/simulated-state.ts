import { INITIAL_SENDING_STATE, type SendingState } from '../../lib/domain/sending-state.ts';
import type { SendingStateStore, StoredSendingState } from '../../lib/ports/sending.ts';
import { ASSUMED } from './assumptions.ts';
import type { VirtualTime } from './virtual-time.ts';

/** The item of DynamoDB that all functions share. A request reaches it after half of its time. */
export class SimulatedState implements SendingStateStore {
  reads = 0;
  writes = 0;
  /** Writes after that of another function; they cost as much. */
  races = 0;
  /** Writes in the second with the most. */
  maxWritesASecond = 0;
  #second = { atMs: 0, writes: 0 };
  readonly #time: VirtualTime;
  #stored: StoredSendingState = { state: INITIAL_SENDING_STATE, version: 0 };

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get state(): SendingState {
    return this.#stored.state;
  }

  /** What the operator's command does. */
  change(change: (state: SendingState) => SendingState): void {
    this.#stored = { state: change(this.#stored.state), version: this.#stored.version + 1 };
  }

  read(): Promise<StoredSendingState> {
    this.reads += 1;
    return this.#request(() => this.#stored);
  }

  write(state: SendingState, seen: StoredSendingState): Promise<StoredSendingState | undefined> {
    this.#countWrite();
    return this.#request(() => {
      if (seen.version !== this.#stored.version) {
        this.races += 1;
        return undefined;
      }
      this.#stored = { state, version: seen.version + 1 };
      return this.#stored;
    });
  }

  #request<Result>(run: () => Result): Promise<Result> {
    const time = this.#time;
    const startMs = time.nowMs;
    return new Promise((resolve) => {
      time.at(startMs + ASSUMED.dynamoDbMs / 2, () => {
        const result = run();
        time.at(startMs + ASSUMED.dynamoDbMs, () => {
          time.continues();
          resolve(result);
        });
      });
    });
  }

  #countWrite(): void {
    const atMs = Math.floor(this.#time.nowMs / 1000) * 1000;
    if (atMs !== this.#second.atMs) this.#second = { atMs, writes: 0 };
    this.writes += 1;
    this.#second.writes += 1;
    this.maxWritesASecond = Math.max(this.maxWritesASecond, this.#second.writes);
  }
}
