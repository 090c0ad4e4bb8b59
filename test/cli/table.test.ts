import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { renderTable } from '../../lib/cli/table.ts';
import { columnsOf } from '../../lib/cli/text-columns.ts';

const URL = `https://sqs.eu-west-1.amazonaws.com/123456789012/${'keybuzz-mail-fallback-'.repeat(6)}dev`;

const RED = new RegExp(`^${'\u001b'}\\[31m.*${'\u001b'}\\[39m$`);

const HEAD = ['address', 'reason', 'since', 'seen'];
const ROWS = [
  ['m***@example.org', 'hard-bounce', '2026-03-01 02:10 (3h 5m ago)', `the queue ${URL} has 3 letters 📦`],
  [
    'p***@example.org',
    'manual',
    '2026-03-01 02:10 (3h 5m ago)',
    'the mailbox is 満杯です and nothing is sent to it',
  ],
];

describe('a table', () => {
  it.each([60, 80, 120, 200])('fits %s columns', (width) => {
    for (const line of renderTable(HEAD, ROWS, width).split('\n')) {
      expect(columnsOf(line)).toBeLessThanOrEqual(width);
    }
  });

  it('loses no character when it is wrapped', () => {
    const letters = (text: string) => [...text.replaceAll(/\s/g, '')].sort().join('');
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string(), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 40, max: 200 }),
        (rows, width) => {
          expect(letters(renderTable(['a', 'b', 'c'], rows, width))).toBe(
            letters(['abc', ...rows.flat()].join('')),
          );
        },
      ),
    );
  });

  it('wraps nothing that fits, and nothing on a pipe', () => {
    expect(renderTable(HEAD, ROWS, undefined).split('\n')).toHaveLength(3);
    expect(renderTable(HEAD, [['a', 'b', 'c', 'd e f']], 80)).toBe(
      renderTable(HEAD, [['a', 'b', 'c', 'd e f']], undefined),
    );
  });

  it('colours each line of a wrapped cell', () => {
    const text = 'a long text that has to be wrapped at this width';
    const red = `\u001b[31m${text}\u001b[39m`;
    const lines = renderTable(['what', 'more'], [[red, 'z'.repeat(20)]], 40)
      .split('\n')
      .slice(1);

    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(line.split('z')[0]?.trimEnd()).toMatch(RED);
  });
});
