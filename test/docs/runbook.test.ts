import { globSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { synthesise } from '../infra/synthesise.ts';
import { commandsIn } from './commands-in.ts';
import { read, root } from './pages.ts';

const runbook = read('docs/runbook.md');

const PREFIX = 'keybuzz-mail-dev-';

/** Every alarm that any setting makes. */
const { monitoring } = synthesise({ alarms: 'all', accountMonitoring: 'dev', workerMetrics: true });
const alarms = Object.values(monitoring.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => ({
  name: String(Properties.AlarmName).slice(PREFIX.length),
  description: String(Properties.AlarmDescription),
}));

const [, ...chapters] = runbook.split(/^## /m).slice(1);
const sections = chapters.map((chapter) => ({
  heading: chapter.slice(0, chapter.indexOf('\n')),
  text: chapter,
}));

/** What an operator does without an alarm, or before it is clear which one matters. */
const PROCEDURES = ['first-hour', 'stop-tenant-or-key', 'test-the-fallback', 'not-received', 'roll-back'];

/** The source of all programs, to look up what the runbook quotes from them. */
const sources = globSync('{lib,lambda}/**/*.ts', { cwd: root }).map(read).join('\n');

describe('the runbook', () => {
  it('quotes only log events and causes that exist in the code', () => {
    const text = runbook.replaceAll(/```[\s\S]*?```/g, '');
    const words = [...text.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, word = '']) => word);
    const searched = [...runbook.matchAll(/grep -E '([^']+)'/g)].flatMap(([, words = '']) =>
      words.split('|'),
    );

    expect([...words, ...searched].filter((word) => !sources.includes(`'${word}'`))).toEqual([]);
    expect(searched).not.toEqual([]);
  });

  it('names only existing dashboards and widgets', () => {
    const exists = (title: string) => sources.includes(`'${title}'`) || sources.includes(`# ${title} (`);
    const named = [...runbook.matchAll(/(?:dashboard|widget) \*([^*]+)\*/g)].map(([, title = '']) => title);

    expect(named.filter((title) => !exists(title))).toEqual([]);
    expect(named).not.toEqual([]);
  });

  it('has the procedures first, and then exactly one heading per alarm', () => {
    const headings = sections.map(({ heading }) => heading);

    expect(headings.slice(0, PROCEDURES.length)).toEqual(PROCEDURES);
    expect(headings.slice(PROCEDURES.length).toSorted()).toEqual(alarms.map(({ name }) => name).toSorted());
  });

  it.each(alarms)('gives $name the same severity as the alarm', ({ name, description }) => {
    const text = sections.find(({ heading }) => heading === name)?.text ?? '';
    const severity = /^\*(critical|warning)[.;]/m.exec(text)?.[1];

    expect(description.startsWith(`[${severity}]`)).toBe(true);
  });

  it.each(alarms)('is the link target of the alarm $name', ({ name, description }) => {
    expect(description).toContain(`docs/runbook.md#${name}`);
  });

  it.each(sections)('states what to do and what not to do for $heading', ({ text }) => {
    expect(text).toMatch(/\*\*Do(?:, for [a-z ]+)?\.\*\*/);
    expect(text).toContain('**Do not**');
    expect(commandsIn(text)).not.toEqual([]);
  });
});
