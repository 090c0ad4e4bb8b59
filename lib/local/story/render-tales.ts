import { relative } from 'node:path';
import Table from 'cli-table3';
import type { Outcome } from '../../message/outcome.ts';
import type { Tale } from './tell-story.ts';

/** The story as a table: one line for each mail, with the way it took and where its bytes are. */
export function renderTales(tales: readonly Tale[], directory: string): string {
  const table = new Table({
    head: ['mail', 'SMTP said', 'handed over in', 'arrived by', 'bytes', 'where they are', 'verdict'],
    style: { head: [], border: [] },
  });
  for (const tale of tales) {
    table.push([
      tale.id,
      smtpWord(tale.outcome),
      tale.outcome.kind === 'taken' ? '-' : `${tale.handledMs} ms`,
      tale.arrivals.map(({ route, recipients }) => `${route} (${recipients.length})`).join('\n'),
      tale.arrivals.map(({ raw }) => raw.length.toLocaleString('en')).join('\n'),
      tale.files.map((file) => relative(directory, file)).join('\n'),
      tale.verdict,
    ]);
  }
  return table.toString();
}

function smtpWord(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'taken':
      return 'taken';
    case 'handed-over':
      return outcome.handOver.failure.class;
    case 'split':
      return `taken, ${outcome.handOver.recipients.length} ${outcome.handOver.failure.class}`;
    case 'held':
      return outcome.failure.class;
    case 'not-accepted':
      return `${outcome.smtp.class}, then ${outcome.fallback.code}`;
    case 'refused':
      return `not asked: ${outcome.reason}`;
  }
}
