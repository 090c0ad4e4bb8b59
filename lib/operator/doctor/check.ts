import type { DoctorContext } from './doctor-context.ts';

/** What belongs together, in the order of the report. */
export const CHECK_GROUPS = [
  'account',
  'stacks',
  'identity',
  'dns',
  'sending',
  'queues',
  'functions',
  'alarms',
  'fallback',
  'key',
  'smtp',
  'secrets',
] as const;

export type CheckGroup = (typeof CHECK_GROUPS)[number];

export type CheckResult =
  | { readonly status: 'ok' | 'skipped'; readonly detail: string }
  /** The mend is one sentence or command. */
  | { readonly status: 'warn' | 'fail'; readonly detail: string; readonly mend: string };

export type CheckStatus = CheckResult['status'];

/** One question about the deployment, which is asked beside all others. */
export interface Check {
  readonly group: CheckGroup;
  /** One of its kind within the group. */
  readonly name: string;
  /** What it throws is told as a failure of this check alone. The signal ends its time. */
  run(context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

export const ok = (detail: string): CheckResult => ({ status: 'ok', detail });

/** It cannot be asked here and now; the detail says why. */
export const skipped = (detail: string): CheckResult => ({ status: 'skipped', detail });

/** Mail goes out; somebody has to look at it all the same. */
export const warn = (detail: string, mend: string): CheckResult => ({ status: 'warn', detail, mend });

export const fail = (detail: string, mend: string): CheckResult => ({ status: 'fail', detail, mend });
