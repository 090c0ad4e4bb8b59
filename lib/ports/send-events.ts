import type { EventPace } from '../message/event-latency.ts';

/** How SES's events came in, for who has to wait for one. */
export interface EventLatencies {
  /** Of the last day. @throws where that cannot be asked now */
  recent(now: Date): Promise<EventPace>;
}

/** The same measure, for who applies the events. */
export interface EventLatencyMeter {
  /** @throws where it was not confirmed */
  add(pace: EventPace, now: Date): Promise<void>;
}

/** Events that have come in and were not applied yet. */
export interface EventBacklog {
  /** @throws where that cannot be asked now */
  anyWaiting(): Promise<boolean>;
}
