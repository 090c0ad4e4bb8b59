import type { Command } from 'commander';
import { resourceNames } from '../../common/names.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { readPackageFile } from '../package-files.ts';
import { wrapWords } from '../text-columns.ts';

const NOTES = `
The runbook of this version, without a network: its commands name your deployment.

Examples:
  mailctl runbook                             the headings: what to do, and each alarm
  mailctl runbook first-hour
  mailctl --stage prod runbook dead-letters`;

/** `mailctl runbook`: what to do, where the operator is. */
export function registerRunbook(program: Command, run: RunCommand): void {
  program
    .command('runbook')
    .description('print the runbook for an alarm or an emergency, with the names of this deployment')
    .argument('[name]', 'an alarm, or another heading; without it, all are listed')
    .addHelpText('after', NOTES)
    .action((name: string | undefined) => run(async (context) => showRunbook(context, name)));
}

interface Section {
  readonly name: string;
  readonly text: string;
}

/** @throws {@link OperatorError} if there is no such heading */
function showRunbook(context: CommandContext, name: string | undefined): ExitCode {
  const { terminal, commands } = context;
  const sections = readSections();
  if (name === undefined) {
    const listed = sections.map((section) => ({ name: section.name, about: firstSentence(section.text) }));
    terminal.result({ sections: listed }, () =>
      terminal.table(
        ['name', 'about'],
        listed.map((section) => [section.name, section.about]),
      ),
    );
    return EXIT.ok;
  }
  // As it stands in an alarm: keybuzz-mail-prod-dead-letters.
  const section =
    sections.find((one) => name === one.name) ?? sections.find((one) => name.endsWith(`-${one.name}`));
  if (section === undefined) {
    throw new OperatorError('NO_SUCH_HEADING', `the runbook has no ${name}`, commands.mailctl('runbook'));
  }
  const text = withNames(section.text, context);
  terminal.result({ name: section.name, text }, () => wrapProse(text, terminal.columns));
  return EXIT.ok;
}

function readSections(): Section[] {
  const [, ...chapters] = readPackageFile('docs/runbook.md').split(/^## /m);
  return chapters.map((chapter) => {
    const [title = '', ...lines] = chapter.split('\n');
    return {
      name: title.toLowerCase().replaceAll(' ', '-'),
      text: `# ${title}\n${lines.join('\n').trimEnd()}`,
    };
  });
}

/** Without the severity of an alarm. */
function firstSentence(text: string): string {
  const [, ...paragraphs] = text.replaceAll(/^```[\s\S]*?^```$/gm, '').split(/\n{2,}/);
  const paragraph = paragraphs.find((one) => one.trim() !== '') ?? '';
  const [sentence = ''] = /^[^.]+\./.exec(paragraph.replace(/^\*[^*]+\*\s*/, '')) ?? [];
  return sentence.replaceAll('`', '');
}

/** The page is written for the project keybuzz, the stage prod, and the Region of one's AWS configuration. */
function withNames(text: string, { deployment, commands }: CommandContext): string {
  const { project, stage } = deployment;
  const written = { project: 'keybuzz', stage: 'prod', userName: 'keybuzz-ses' } as const;
  const user = resourceNames({ ...deployment, userName: written.userName }).user;
  return text
    .replaceAll(/\bkeybuzz-mail(-[a-z-]+?)?-prod\b/g, `${project}-mail$1-${stage}`)
    .replaceAll(/--user-name keybuzz-ses\b/g, `--user-name ${user}`)
    .replaceAll('npm run deploy -- -c stage=prod', commands.deploy)
    .replaceAll('keybuzz-api-prod', `${project}-api-${stage}`)
    .replaceAll(/\[([^\]]+)\]\(#([a-z-]+)\)/g, (_link, title: string, anchor: string) =>
      title === anchor ? `\`mailctl runbook ${anchor}\`` : `${title} (\`mailctl runbook ${anchor}\`)`,
    )
    .replaceAll(
      /(^|`)mailctl (?:--stage prod )?/gm,
      (_start, before: string) => `${before}${commands.mailctl('')}`,
    )
    .replaceAll(/^aws ([^|#\n]*[^|#\n ])/gm, (_line, command: string) => commands.aws(command))
    .replaceAll(/`aws ([^`]+)`/g, (_code, command: string) => `\`${commands.aws(command)}\``);
}

/** Commands stay on their lines, so that they can be pasted. */
function wrapProse(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  return text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part) =>
      part.startsWith('```')
        ? part
        : part
            .split('\n')
            .map((line) => wrapWords(line, width))
            .join('\n'),
    )
    .join('');
}
