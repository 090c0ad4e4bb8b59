import { resourceNames } from '../../common/names.ts';
import type { CommandContext } from '../context.ts';
import { readPackageFile } from '../package-files.ts';

/** A heading of the runbook of this version. */
export interface RunbookSection {
  readonly name: string;
  readonly text: string;
}

/** All headings, in their order. */
export function readRunbook(): RunbookSection[] {
  const [, ...chapters] = readPackageFile('docs/runbook.md').split(/^## /m);
  return chapters.map((chapter) => {
    const [title = '', ...lines] = chapter.split('\n');
    return {
      name: title.toLowerCase().replaceAll(' ', '-'),
      text: `# ${title}\n${lines.join('\n').trimEnd()}`,
    };
  });
}

/** @param name an alarm, by its name in the runbook or in CloudWatch: `keybuzz-mail-prod-dead-letters` */
export function findSection(sections: readonly RunbookSection[], name: string): RunbookSection | undefined {
  return sections.find((one) => name === one.name) ?? sections.find((one) => name.endsWith(`-${one.name}`));
}

/** The page is written for the project keybuzz, the stage prod, and the Region of one's AWS configuration. */
export function withNames(
  text: string,
  { deployment, commands }: Pick<CommandContext, 'deployment' | 'commands'>,
): string {
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
