import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { synthesise } from '../infra/synthesise.ts';
import { runMailctl } from '../support/run-mailctl.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const PREFIX = 'keybuzz-mail-dev-';

/** Every alarm that any setting makes. */
const { monitoring } = synthesise({ alarms: 'all', workerMetrics: true });
const alarms = Object.values(monitoring.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => ({
  name: String(Properties.AlarmName).slice(PREFIX.length),
  description: String(Properties.AlarmDescription),
}));

const [start = '', ...chapters] = runbook.split(/^## /m).slice(1);
const sections = chapters.map((chapter) => ({
  heading: chapter.slice(0, chapter.indexOf('\n')),
  text: chapter,
}));

/** Commands of mailctl in code, in blocks and in lines, without what is only an argument. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...spans].flatMap((line) => {
    const command = /^mailctl [^#|&;]+/.exec(line.trim())?.[0].trim();
    return command === undefined ? [] : [command];
  });
}

const helps = new Map<string, Promise<string>>();

function helpOf(words: readonly string[]): Promise<string> {
  const key = words.join(' ');
  const help = helps.get(key) ?? runMailctl([...words, '--help']).then(({ stdout }) => stdout);
  helps.set(key, help);
  return help;
}

/** The names under "Commands:" in a help text. */
function subcommandsOf(help: string): string[] {
  const list = /^Commands:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);
}

/** The words of a command that mailctl would not understand. */
async function strangeIn(command: string): Promise<string[]> {
  const words = command.split(/\s+/).slice(1);
  let rest = words;
  let help = await helpOf([]);
  while (subcommandsOf(help).includes(rest[0] ?? '')) {
    rest = rest.slice(1);
    help = await helpOf(words.slice(0, words.length - rest.length));
  }
  const [next = '--'] = rest;
  const isNoCommand = /^Usage: .*\[command\]$/m.test(help) && !next.startsWith('-');
  const options = rest.filter((word) => word.startsWith('--'));
  return [...(isNoCommand ? [next] : []), ...options.filter((option) => !help.includes(option))];
}

describe('the runbook', () => {
  it('has one heading for each alarm, and no other', () => {
    expect(sections.map(({ heading }) => heading).toSorted()).toEqual(
      alarms.map(({ name }) => name).toSorted(),
    );
  });

  it.each(alarms)('tells the severity of $name as the alarm does', ({ name, description }) => {
    const text = sections.find(({ heading }) => heading === name)?.text ?? '';
    const severity = /^\*(critical|warning)[.;]/m.exec(text)?.[1];

    expect(description.startsWith(`[${severity}]`)).toBe(true);
  });

  it.each(alarms)('is where the alarm $name points to', ({ name, description }) => {
    expect(description).toContain(`docs/runbook.md#${name}`);
  });

  it.each(sections)('says of $heading what to do, and what not to do', ({ text }) => {
    expect(text).toContain('**Do.**');
    expect(text).toContain('**Do not**');
    expect(commandsIn(text)).not.toEqual([]);
  });

  it('links to headings that are there', () => {
    const headings = new Set(sections.map(({ heading }) => heading));
    const links = [...`${start}${runbook}${readme}`.matchAll(/\]\((?:docs\/runbook\.md)?#([a-z-]+)\)/g)];
    const toRunbook = links.map(([link, anchor = '']) => ({ link, anchor }));
    const inReadme = new Set([...readme.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title)));

    expect(toRunbook.filter(({ anchor }) => !headings.has(anchor) && !inReadme.has(anchor))).toEqual([]);
  });

  it('asks the doctor for groups of checks that are there', async () => {
    const asked = [...runbook.matchAll(/mailctl doctor --only ([a-z,]+)/g)].flatMap(([, groups = '']) =>
      groups.split(','),
    );
    const groups = await doctorGroups();

    expect(asked.filter((group) => !groups.includes(group))).toEqual([]);
    expect(asked).not.toEqual([]);
  });

  it.each([
    ...new Set([...commandsIn(runbook), ...alarms.flatMap(({ description }) => firstCommandIn(description))]),
  ])('names a command that is there: %s', async (command) => {
    expect(await strangeIn(command)).toEqual([]);
  });
});

async function doctorGroups(): Promise<string[]> {
  const listed = /^The groups: ([a-z, \n]+)\./m.exec(await helpOf(['doctor']))?.[1] ?? '';
  return listed.split(/,\s+/);
}

function firstCommandIn(description: string): string[] {
  const command = /^First: (mailctl [^\n]+)$/m.exec(description)?.[1];
  return command === undefined ? [] : [command.replace(/\.$/, '')];
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
}
