import type { Command } from 'commander';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { findSection, readRunbook, withNames } from '../lookups/runbook.ts';
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

/** @throws {@link OperatorError} if there is no such heading */
function showRunbook(context: CommandContext, name: string | undefined): ExitCode {
  const { terminal, commands } = context;
  const sections = readRunbook();
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
  const section = findSection(sections, name);
  if (section === undefined) {
    throw new OperatorError('NO_SUCH_HEADING', `the runbook has no ${name}`, commands.mailctl('runbook'));
  }
  const text = withNames(section.text, context);
  terminal.result({ name: section.name, text }, () => wrapProse(text, terminal.columns));
  return EXIT.ok;
}

/** Without the severity of an alarm. */
function firstSentence(text: string): string {
  const [, ...paragraphs] = text.replaceAll(/^```[\s\S]*?^```$/gm, '').split(/\n{2,}/);
  const paragraph = paragraphs.find((one) => one.trim() !== '') ?? '';
  const [sentence = ''] = /^[^.]+\./.exec(paragraph.replace(/^\*[^*]+\*\s*/, '')) ?? [];
  return sentence.replaceAll('`', '');
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
