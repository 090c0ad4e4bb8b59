import type { Style, Terminal } from '../terminal.ts';
import type { CheckStatus } from './check.ts';
import type { CheckReport } from './run-checks.ts';
import { wrapWords } from './wrap-words.ts';

/** Mends are not broken: they are there to be pasted. */
const DETAIL_WIDTH = 100;

const STYLES: Readonly<Record<CheckStatus, Style>> = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  skipped: 'dim',
};

/** The worst of all; what was skipped is neither good nor bad. */
export function overallStatus(reports: readonly CheckReport[]): Exclude<CheckStatus, 'skipped'> {
  return (['fail', 'warn'] as const).find((status) => countOf(reports, status) > 0) ?? 'ok';
}

/** As `--json` tells it. */
export function reportValue(reports: readonly CheckReport[]) {
  return {
    status: overallStatus(reports),
    checks: reports.map(({ group, name, result }) => ({ group, name, ...result })),
  };
}

/** A line for each check, the mend below what it is for. */
export function renderReport(terminal: Terminal, reports: readonly CheckReport[]): string {
  const rows = reports.map(({ group, name, result }) => [
    terminal.paint(STYLES[result.status], result.status),
    group,
    name,
    'mend' in result
      ? `${wrapWords(result.detail, DETAIL_WIDTH)}\n→ ${result.mend}`
      : wrapWords(result.detail, DETAIL_WIDTH),
  ]);
  const counts = (['ok', 'warn', 'fail', 'skipped'] as const).map(
    (status) => `${countOf(reports, status)} ${status}`,
  );
  return [
    terminal.table(['STATUS', 'GROUP', 'CHECK', 'WHAT WAS SEEN, → WHAT MENDS IT'], rows),
    '',
    counts.join(', '),
  ].join('\n');
}

const countOf = (reports: readonly CheckReport[], status: CheckStatus) =>
  reports.filter(({ result }) => result.status === status).length;
