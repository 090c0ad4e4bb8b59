import { Argument, type Command, type Option } from 'commander';
import type { RunCommand } from '../context.ts';
import { EXIT } from '../errors.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

type Shell = (typeof SHELLS)[number];

const NOTES = `
Examples:
  source <(mailctl completion bash)                                        in ~/.bashrc
  mailctl completion zsh > "\${fpath[1]}/_mailctl"
  mailctl completion fish > ~/.config/fish/completions/mailctl.fish`;

/** `mailctl completion`: a script that completes the commands and options of mailctl. */
export function registerCompletion(program: Command, run: RunCommand): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText('after', NOTES)
    .action((shell: Shell) =>
      run(async ({ terminal }) => {
        const script = SCRIPTS[shell](nodesOf(program));
        terminal.document({ shell, script }, () => script);
        return EXIT.ok;
      }),
    );
}

/** What may follow the words of a command. */
interface CompletionNode {
  /** The words of the command without the program's own, joined by blanks; empty for the program. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletionOption[];
  /** The choices of its first argument. */
  readonly choices: readonly string[];
}

interface CompletionOption {
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** The whole grammar; options of the program may stand behind each command. */
function nodesOf(program: Command): CompletionNode[] {
  const global = program.options.map(optionOf);
  const visit = (command: Command, path: readonly string[]): CompletionNode[] => [
    {
      path: path.join(' '),
      commands: command.commands.map((child) => ({
        name: child.name(),
        description: firstLine(child.description()),
      })),
      options: [...(command === program ? [] : command.options.map(optionOf)), ...global, HELP],
      choices: command.registeredArguments[0]?.argChoices ?? [],
    },
    ...command.commands.flatMap((child) => visit(child, [...path, child.name()])),
  ];
  return visit(program, []);
}

const HELP: CompletionOption = {
  flags: ['--help'],
  description: 'show the help',
  takesValue: false,
  choices: [],
};

function optionOf({ short, long, description, required, optional, argChoices }: Option): CompletionOption {
  return {
    flags: [short, long].flatMap((flag) => flag ?? []),
    description: firstLine(description),
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';

const wordsOf = ({ commands, options, choices }: CompletionNode) => [
  ...commands.map(({ name }) => name),
  ...choices,
  ...options.flatMap(({ flags }) => flags),
];

/** Single quotes, for all three shells. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Options that take a value, so that the value is not taken for a command. */
function valueFlags(nodes: readonly CompletionNode[]): string[] {
  const flags = nodes.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue));
  return [...new Set(flags.flatMap((option) => option.flags))];
}

/** Options with choices, each once. */
function choicesByFlag(nodes: readonly CompletionNode[]): Map<string, readonly string[]> {
  const entries = nodes.flatMap(({ options }) =>
    options.flatMap(({ flags, choices }) =>
      choices.length === 0 ? [] : flags.map((flag) => [flag, choices] as const),
    ),
  );
  return new Map(entries);
}

/** The walk to the current command is the same in bash and zsh: known words lead deeper, others are arguments. */
function bashScript(nodes: readonly CompletionNode[]): string {
  const cases = nodes.map((node) => `    ${quoted(node.path)}) words=${quoted(wordsOf(node).join(' '))} ;;`);
  const paths = nodes.flatMap(({ path }) => (path === '' ? [] : [quoted(path)]));
  const values = [...choicesByFlag(nodes)].map(
    ([flag, choices]) =>
      `    ${quoted(flag)}) COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$current")); return ;;`,
  );
  return `# Completion of mailctl for bash; written by: mailctl completion bash
_mailctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' word words='' index next
  COMPREPLY=()
  case "$previous" in
${values.join('\n')}
    ${valueFlags(nodes).join('|')}) return ;;
  esac
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
      ${valueFlags(nodes).join('|')}) ((index++)); continue ;;
      -*) continue ;;
    esac
    next="\${path:+$path }$word"
    case "$next" in
      ${paths.join('|')}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _mailctl mailctl
`;
}

/** zsh runs the functions of bash. */
function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef mailctl
autoload -U +X bashcompinit && bashcompinit
${bashScript(nodes).replace('written by: mailctl completion bash', 'written by: mailctl completion zsh')}`;
}

function fishScript(nodes: readonly CompletionNode[]): string {
  const lines = nodes.flatMap(({ path, commands, options, choices }) => {
    const words = path === '' ? [] : path.split(' ');
    const nested = commands.map(({ name }) => name).join(' ');
    const isHere = [
      ...words.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(nested === '' ? [] : [`not __fish_seen_subcommand_from ${nested}`]),
    ].join('; and ');
    const start = `complete -c mailctl${isHere === '' ? '' : ` -n ${quoted(isHere)}`}`;
    return [
      ...commands.map(({ name, description }) => `${start} -f -a ${quoted(name)} -d ${quoted(description)}`),
      ...(choices.length === 0 ? [] : [`${start} -f -a ${quoted(choices.join(' '))}`]),
      ...options.map((option) => `${start} ${fishOption(option)}`),
    ];
  });
  return `# Completion of mailctl for fish; written by: mailctl completion fish\n${[...new Set(lines)].join('\n')}\n`;
}

function fishOption({ flags, description, takesValue, choices }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = choices.length > 0 ? `-x -a ${quoted(choices.join(' '))}` : takesValue ? '-r' : '';
  return [...names, value, `-d ${quoted(description)}`].filter((part) => part !== '').join(' ');
}

const SCRIPTS: Readonly<Record<Shell, (nodes: readonly CompletionNode[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
