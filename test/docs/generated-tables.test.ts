import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METRICS } from '../../lib/domain/metrics.ts';
import { WORKER_SERIES } from '../../lib/domain/worker-series.ts';
import { PIPELINE_SETTINGS } from '../../lib/infra/settings.ts';
import { WORKER_PROCESS_SETTINGS } from '../../lib/worker/settings.ts';
import { GENERATED_PAGES, GENERATED_TABLES, readPage, regenerate } from './generated-tables.ts';

describe.each(GENERATED_PAGES)('docs/%s', (name) => {
  it('matches the output of `npm run docs`', () => {
    const page = readPage(name);

    expect(page).toBe(regenerate(page));
  });
});

describe('the generated tables', () => {
  const pages = GENERATED_PAGES.map(readPage).join('\n');

  it.each(GENERATED_TABLES)('have a place for %s', (table) => {
    expect(pages.split(`<!-- generated: ${table} -->`)).toHaveLength(2);
  });

  it.each([
    ...[...WORKER_PROCESS_SETTINGS, ...PIPELINE_SETTINGS].map(({ name }) => name),
    ...[METRICS, WORKER_SERIES].flatMap(Object.keys),
  ])('have one row for %s', (name) => {
    expect(rowsOf(pages, name)).toHaveLength(1);
  });

  it('describe every setting', () => {
    const settings = [...WORKER_PROCESS_SETTINGS, ...PIPELINE_SETTINGS];

    expect(settings.filter(({ description }) => !description)).toEqual([]);
  });

  it('say which setting adds an alarm', () => {
    const added = ['fallback-in-use', 'sent-twice', 'outbox-old'].map(
      (name) =>
        pages
          .split('\n')
          .find((line) => line.startsWith(`| [\`${name}\`]`))
          ?.split(' | ')[2],
    );

    expect(added).toEqual(['', '`alarms: all`', '`workerMetrics`']);
  });

  it('say the default, the allowed values and whether a setting is needed', () => {
    expect(rowsOf(pages, 'smtp.host')[0]).toEqual([
      '`SMTP_HOST`',
      'needed',
      expect.stringMatching(/^a host name such as mail-core/),
      expect.any(String),
    ]);
    expect(rowsOf(pages, 'smtp.port')[0]?.slice(1, 3)).toEqual(['587', 'a whole number from 1 to 65535']);
    expect(rowsOf(pages, 'leaseMs')[0]?.slice(1, 3)).toEqual([
      '60000',
      'a whole number from 1000 to 86400000',
    ]);
    expect(rowsOf(pages, 'timeToLiveMs')[0]?.[1]).toBe('345600000 (4 days)');
    expect(rowsOf(pages, 'maximumConcurrency')[0]?.slice(0, 2)).toEqual([
      '2',
      'a whole number from 2 to 1000',
    ]);
  });
});

describe('cdk.json', () => {
  const settings: Record<string, unknown> = JSON.parse(
    readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
  ).context.mail;
  const page = readPage('settings.md');

  it('has only settings that the page describes', () => {
    expect(Object.keys(settings).filter((name) => rowsOf(page, name).length !== 1)).toEqual([]);
  });

  it('shows every default, until a team has made it its own', () => {
    const isOwn = ['project', 'domain', 'region'].some((name) => settings[name] !== defaultOf(name));
    const shown = Object.entries(settings).map(([name, value]) => [name, String(value) || 'none']);
    const defaults = Object.keys(settings).map((name) => [name, defaultOf(name)]);

    expect(isOwn || shown).toEqual(isOwn || defaults);
  });

  function defaultOf(name: string): string | undefined {
    return rowsOf(page, name)[0]?.[0];
  }
});

/** The cells after the name. */
function rowsOf(text: string, name: string): string[][] {
  const rows = text.split('\n').filter((line) => line.startsWith(`| \`${name}\` |`));
  return rows.map((row) =>
    row
      .split(' | ')
      .slice(1)
      .map((cell) => cell.replace(/ \|$/, '').trim()),
  );
}
