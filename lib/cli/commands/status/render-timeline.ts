import type { ShownPlace, ShownTimeline } from '../../lookups/timeline/shown-timeline.ts';
import { withWords } from '../../lookups/timeline/status-events.ts';
import { type Terminal, timeAndAge } from '../../terminal.ts';

/** Maximum recipients shown per line. */
const MAX_NAMED = 3;

export function renderTimeline(terminal: Terminal, timeline: ShownTimeline, now: Date): string {
  const { id, tenantId, status, messageIds, recipients, concerns, events, places } = timeline;
  const heading = [
    terminal.paint('bold', id),
    ...(tenantId === undefined ? [] : [`tenant ${tenantId}`]),
    ...(status === undefined ? [] : [`the row says ${status}`]),
  ];
  const rows = events.map(({ at, source, what, words, recipients: whom }) => [
    timeAndAge(new Date(at), now),
    source,
    withWords(what, words),
    named(whom),
  ]);
  return [
    heading.join(', '),
    ...recipients.slice(0, MAX_NAMED).map(({ address, state }) => `  ${address}: ${state}`),
    ...(recipients.length > MAX_NAMED
      ? [`  and ${recipients.length - MAX_NAMED} more (--json has all)`]
      : []),
    ...(messageIds.own === undefined ? [] : [`  Message-ID: ${messageIds.own}`]),
    ...messageIds.ses.slice(0, MAX_NAMED).map((id) => `  Message-ID by SES: ${id}`),
    '',
    terminal.table(['when', 'known by', 'what', 'for'], rows),
    '',
    ...concerns.map((concern) => terminal.paint('yellow', `! ${concern}`)),
    ...Object.entries(places).map(([name, place]) => renderPlace(terminal, name, place)),
  ].join('\n');
}

function renderPlace(terminal: Terminal, name: string, { state, detail, fix }: ShownPlace): string {
  const line = `${name}: ${state === 'asked' ? '' : `${state}: `}${detail}`;
  if (state !== 'failed') return terminal.paint('dim', line);
  return `${terminal.paint('red', line)}\n  fix: ${fix}`;
}

function named(recipients: readonly string[]): string {
  const more = recipients.length - MAX_NAMED;
  return [...recipients.slice(0, MAX_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
