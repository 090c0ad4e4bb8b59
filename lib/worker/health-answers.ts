import { inTime } from './bounded-wait.ts';

/** Whether the process does its work; where it does not, only a restart helps. */
export interface Liveness {
  readonly live: boolean;
  /** Since the loop last turned. */
  readonly sinceLastTurnMs: number;
}

/** Whether the worker can claim deliveries now. */
export interface Readiness {
  /** What keeps it from that; empty where it is ready. */
  readonly missing: readonly ('database' | 'draining')[];
  /** Shown, and no reason to be unready: while SMTP is down the queue takes the mail. */
  readonly breaker: 'closed' | 'open';
}

export interface HealthChecks {
  ready(): Promise<Readiness>;
  live(): Liveness;
}

/** What `/metrics` serves. */
export interface MetricsSource {
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface HealthAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The answers by path. Each comes within `timeoutMs` and none of them throws. */
export function healthAnswers(
  checks: HealthChecks,
  metrics: MetricsSource,
  timeoutMs: number,
): ReadonlyMap<string, () => Promise<HealthAnswer>> {
  return new Map([
    ['/healthz', () => answerInTime(async () => liveAnswer(checks.live()), timeoutMs)],
    ['/readyz', () => answerInTime(async () => readyAnswer(await checks.ready()), timeoutMs)],
    ['/metrics', () => answerInTime(async () => ({ status: 200, ...(await metrics.render()) }), timeoutMs)],
  ]);
}

export function jsonAnswer(status: number, content: Readonly<Record<string, unknown>>): HealthAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n` };
}

function liveAnswer({ live, sinceLastTurnMs }: Liveness): HealthAnswer {
  return jsonAnswer(live ? 200 : 503, { status: live ? 'live' : 'stuck', sinceLastTurnMs });
}

function readyAnswer({ missing, breaker }: Readiness): HealthAnswer {
  const ready = missing.length === 0;
  return jsonAnswer(ready ? 200 : 503, { status: ready ? 'ready' : 'not-ready', missing, breaker });
}

/** What went wrong is not told to whoever can reach the port: an error may name hosts and users. */
async function answerInTime(answer: () => Promise<HealthAnswer>, timeoutMs: number): Promise<HealthAnswer> {
  const result = await inTime(answer(), timeoutMs);
  return result.kind === 'done'
    ? result.value
    : jsonAnswer(503, { status: result.kind === 'failed' ? 'check-failed' : 'check-timed-out' });
}
