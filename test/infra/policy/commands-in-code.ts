import { buildSync } from 'esbuild';

const CLIENT = /^import \{([^}]+)\} from "@aws-sdk\/client-([\w-]+)";$/gm;

/** Clients whose calls are signed for a service of another name. */
const SERVICES: Readonly<Record<string, string>> = { sesv2: 'ses', cloudwatch: 'monitoring' };

/**
 * The calls of AWS in the code of an entry and in all that it imports, statically or dynamically, less what the bundler
 * removes as unreachable: `sqs SendMessage`. More than the entry may ever make, and never fewer, except what libraries
 * call on their own.
 */
export function commandsInCode(entry: string): Set<string> {
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  const text = outputFiles.map((file) => file.text).join('\n');
  const clients = new Map<string, string>();
  for (const [, names = '', client = ''] of text.matchAll(CLIENT)) {
    for (const name of names.split(',')) {
      const [imported = '', local = imported] = name.trim().split(/ as /);
      clients.set(local, `${SERVICES[client] ?? client} ${imported.replace(/Command$/, '')}`);
    }
  }
  const made = [...text.matchAll(/\bnew (\w+Command\d*)\(/g)].map(([, name = '']) => clients.get(name));
  return new Set(made.filter((command) => command !== undefined));
}
