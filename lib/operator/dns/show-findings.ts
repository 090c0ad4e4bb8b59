import type { Style, Terminal } from '../terminal.ts';
import type { Alignment, DnsFinding, FindingLevel } from './dns-finding.ts';

const STYLES: Readonly<Record<FindingLevel, Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** A line for each finding, below it what there is to know of it. */
export function showFindings(terminal: Terminal, findings: readonly DnsFinding[]): string {
  return findings.flatMap((finding) => [headOf(terminal, finding), ...detailsOf(finding)]).join('\n');
}

function headOf(terminal: Terminal, { level, status, name, type, purpose }: DnsFinding): string {
  const mark = terminal.paint(STYLES[level], level.padEnd(4));
  return `${mark}  ${name} ${type}  ${status === 'ok' ? '' : `${status} `}(${purpose})`;
}

function detailsOf(finding: DnsFinding): string[] {
  const { status, level, wanted, found, notes, servers, alignment = [], proposal, mend } = finding;
  return [
    ...(found.length > 0 && (status !== 'ok' || isWorthSeeing(finding)) ? found.map(line('found')) : []),
    ...(wanted !== undefined && status === 'wrong' && proposal === undefined ? [line('wanted')(wanted)] : []),
    ...notes.map(line('note')),
    ...servers.map(({ host, says }) => line('server')(`${host}: ${says}`)),
    ...alignment.map(alignmentLine),
    ...(level === 'ok' || mend === undefined ? [] : [line('mend')(mend)]),
  ];
}

/** The records that were there before this deployment, and are for others to decide. */
const isWorthSeeing = ({ purpose }: DnsFinding) => purpose === 'dmarc' || purpose === 'domain-spf';

const line = (label: string) => (text: string) => `      ${`${label}:`.padEnd(8)}${text}`;

const alignmentLine = ({ way, by, aligned, why }: Alignment) =>
  line('DMARC')(`${way} by ${by}: ${aligned}, ${why}`);
