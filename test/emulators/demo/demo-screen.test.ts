import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { columnsOf } from '../../../lib/cli/text-columns.ts';
import type { DemoResult } from '../../../lib/emulators/demo/demo.ts';
import { DemoScreen, showResult, withoutPipeline } from '../../../lib/emulators/demo/demo-screen.ts';

/** Node looks at the real environment for colours. */
const COLOURS = ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'TERM', 'COLORTERM', 'CI'] as const;
const before = { ...process.env };

beforeEach(() => {
  for (const name of COLOURS) delete process.env[name];
  process.env.TERM = 'xterm-256color';
});

afterEach(() => {
  for (const name of COLOURS) delete process.env[name];
  Object.assign(process.env, before);
});

function aResult(changes: Partial<DemoResult> = {}): DemoResult {
  return {
    scene: 'mail-core is down',
    id: 'reply-2',
    to: ['a.very.long.name.of.a.buyer@mail.marketplace.example', 'paul@example.org'],
    tookMs: 1_234,
    row: {
      id: 'reply-2',
      status: 'delivered',
      provider: 'ses',
      lastError: null,
      attempts: [
        {
          at: '2026-01-01T00:00:00Z',
          outcome: 'handed-over',
          durationMs: 3,
          failure: {
            class: 'rejected',
            response:
              '554 5.7.1 <paul@example.org>: 中継拒否 📦 Relay access denied, see the postmaster of this host',
          },
        },
      ],
      recipients: {},
    },
    arrivals: [{ route: 'ses', recipients: ['paul@example.org'], raw: Buffer.from('') }],
    verdict: 'arrived',
    asItShould: true,
    files: [],
    ...changes,
  };
}

/** What a stream of that width gets. @param columns undefined for a pipe */
function shown(columns: number | undefined, result: DemoResult, env: NodeJS.ProcessEnv = {}): string {
  const { getColorDepth } = WriteStream.prototype;
  const tty = columns === undefined ? {} : { isTTY: true, columns, getColorDepth };
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), tty);
  const screen = new DemoScreen(stream, new PassThrough(), env);
  showResult(screen, result);
  return stream.read();
}

describe('the line of a mail', () => {
  it.each([60, 80, 120, 200])('fits a terminal of %s columns', (columns) => {
    const reason = 'bounced (Permanent/General): 550 5.1.1 no such user here, as the server told SES '.repeat(
      3,
    );
    const failed = { ...aResult().row, status: 'failed', lastError: reason } as DemoResult['row'];
    const lines = shown(columns, aResult({ row: failed, asItShould: false }))
      .trimEnd()
      .split('\n');

    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
  });

  it.each([80, 200])(
    'says id, recipient, what SMTP said, the way and the time in one line of %s columns',
    (columns) => {
      const lines = stripVTControlCharacters(shown(columns, aResult())).trimEnd().split('\n');

      expect(lines).toEqual([
        expect.stringMatching(/^✓ reply-2 +a\.very\.lo.* rejected: 554.* SES +1\.2 s$/),
      ]);
    },
  );

  it('shows all of a long address on a wide terminal', () => {
    expect(shown(200, aResult({ to: ['bounce@simulator.amazonses.com'] }))).toContain(
      'bounce@simulator.amazonses.com',
    );
  });

  it('is coloured on a terminal, and not on a pipe or with NO_COLOR', () => {
    expect(shown(80, aResult())).toContain('\u001b[32m✓');
    expect(shown(undefined, aResult())).not.toContain('\u001b');
    process.env.NO_COLOR = '1';
    expect(shown(80, aResult())).not.toContain('\u001b');
  });

  it('respects COLUMNS on a pipe', () => {
    const line = shown(undefined, aResult(), { COLUMNS: '70' }).trimEnd();
    expect(columnsOf(line)).toBeLessThanOrEqual(70);
  });
});

describe('without the pipeline', () => {
  const ses = { route: 'ses', recipients: ['paul@example.org'], raw: Buffer.from('') } as const;
  const smtp = { ...ses, route: 'smtp' } as const;

  it('a mail that only SES took would be lost, and one that SMTP took for some would miss a recipient', () => {
    const bounced = { ...aResult().row, status: 'failed' } as DemoResult['row'];
    const results = [
      aResult(),
      aResult(),
      aResult({ arrivals: [smtp] }),
      aResult({ arrivals: [smtp, ses] }),
      aResult({ arrivals: [] }),
      aResult({ row: bounced }),
    ];
    expect(withoutPipeline(results)).toBe(
      'without the pipeline 2 of these 6 mails would be lost, and 1 would miss a recipient',
    );
  });
});
