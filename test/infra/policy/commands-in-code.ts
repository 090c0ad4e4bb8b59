import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const CLIENT = /from '@aws-sdk\/client-([\w-]+)'/;

/** Clients whose calls are signed for a service of another name. */
const SERVICES: Readonly<Record<string, string>> = { sesv2: 'ses', cloudwatch: 'monitoring' };

/**
 * The calls of AWS that stand in the code of an entry, and in all that it imports, at once or later: `sqs
 * SendMessage`. More than the entry may ever make, and never fewer, but for what libraries call by themselves.
 */
export function commandsInCode(entry: string): Set<string> {
  const commands = new Set<string>();
  const seen = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    const [, client = ''] = CLIENT.exec(text) ?? [];
    for (const [, command] of text.matchAll(/\bnew (\w+)Command\(/g)) {
      commands.add(`${SERVICES[client] ?? client} ${command}`);
    }
    for (const [, imported = ''] of text.matchAll(/(?:from|import\(|import) ?'(\.[^']+\.ts)'/g)) {
      waiting.push(resolve(dirname(file), imported));
    }
  }
  return commands;
}
