import { age } from '../dlq/render-causes.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** `02:10 UTC (3h 5m ago)`; with the day where it is more than a day ago. */
export function sinceText(since: Date | undefined, now: Date): string {
  if (since === undefined) return 'an unknown time';
  return `${timeText(since, now)} UTC (${age(since, now)} ago)`;
}

/** `02:10`, or `2026-03-01 02:10` where it is more than a day ago. */
export function timeText(time: Date, now: Date): string {
  const [day = '', clock = ''] = time.toISOString().split('T');
  const minutes = clock.slice(0, 'hh:mm'.length);
  return now.getTime() - time.getTime() < DAY_MS ? minutes : `${day} ${minutes}`;
}
