/** What a run says: a line while it runs, a table at its end. */
import { writeFile } from 'node:fs/promises';
import type { SesDouble } from '../../lib/emulators/ses/ses-double.ts';
import { type Account, type Finding, WINDOWS } from './account.ts';

export const say = (text: string) => process.stderr.write(`${text}\n`);

/** Says a line every few seconds, until it is stopped. */
export function progress(line: () => Promise<string>, everyMs = 5_000): { stop(): void } {
  let isSaying = false;
  const timer = setInterval(() => {
    if (isSaying) return;
    isSaying = true;
    void line()
      .then(say, () => {})
      .finally(() => {
        isSaying = false;
      });
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}

/** How often SES took each delivery. */
export function timesTakenBySes({ mails }: Pick<SesDouble, 'mails'>): Map<string, number> {
  const taken = new Map<string, number>();
  for (const { tags } of mails) {
    const id = tags.deliveryId ?? '';
    taken.set(id, (taken.get(id) ?? 0) + 1);
  }
  return taken;
}

/** Findings beyond these are in the JSON alone. */
const SHOWN_FINDINGS = 20;

export function table(rows: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

/** The rows of an account, as `table` takes them. */
export function accountRows(account: Account): (readonly [string, string | number])[] {
  const { twice } = account;
  return [
    ['mails', account.mails],
    ['recipients', account.recipients],
    ['taken by SMTP', account.bySmtp],
    ['taken by SES', account.bySes],
    ['expired before that', account.expired],
    ['suppressed', account.suppressed],
    ...Object.entries(WINDOWS).map(
      ([window, words]) => [`twice: ${words}`, twice[window as keyof typeof WINDOWS]] as const,
    ),
    ['twice, unexplained', account.twiceUnexplained.length],
    ['lost', account.lost.length],
    ['late', account.late.length],
    ['misreported', account.misreported.length],
    ['slowest after the faults', `${account.slowestSeconds} s`],
  ];
}

export function printFindings(title: string, findings: readonly (Finding | string)[]): void {
  for (const finding of findings.slice(0, SHOWN_FINDINGS))
    console.log(`${title}: ${typeof finding === 'string' ? finding : `${finding.id}: ${finding.what}`}`);
  if (findings.length > SHOWN_FINDINGS) console.log(`${title}: and ${findings.length - SHOWN_FINDINGS} more`);
}

export async function writeJson(file: string | undefined, result: unknown): Promise<void> {
  if (file !== undefined) await writeFile(file, `${JSON.stringify(result, undefined, 2)}\n`);
}
