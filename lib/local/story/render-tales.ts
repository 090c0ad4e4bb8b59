import { relative } from 'node:path';
import Table from 'cli-table3';
import type { RowState } from './outbound-row.ts';
import type { Tale } from './tell-story.ts';

/** The story as a table: one line for each mail, with the way it took and where its bytes are. */
export function renderTales(tales: readonly Tale[], directory: string): string {
  const table = new Table({
    head: ['mail', 'SMTP', 'settled in', 'left by', 'bytes', 'where they are', 'bytes say', 'row says'],
    style: { head: [], border: [] },
  });
  for (const { id, row, arrivals, files, verdict } of tales) {
    const attempt = row?.attempts.at(-1);
    table.push([
      id,
      attempt === undefined ? '-' : (attempt.failure?.class ?? 'taken'),
      attempt === undefined ? '-' : `${attempt.durationMs} ms`,
      arrivals.map(({ route, recipients }) => `${route} (${recipients.length})`).join('\n'),
      arrivals.map(({ raw }) => raw.length.toLocaleString('en')).join('\n'),
      files.map((file) => relative(directory, file)).join('\n'),
      verdict,
      row === undefined ? 'nothing' : endOf(row),
    ]);
  }
  return table.toString();
}

/** What the row says in the end; the reason as far as it fits into a table. */
function endOf({ status, provider, lastError }: RowState): string {
  const reason = lastError === null ? '' : `\n${lastError.slice(0, 40)}`;
  return `${status} (${provider})${reason}`;
}
