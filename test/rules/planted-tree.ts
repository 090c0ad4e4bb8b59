import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** An import: the importing file, and the imported file, package or Node module. */
export type Edge = readonly [from: string, to: string];

/** What the checker reports: a rule, and the import that breaks it as `from → to`. */
export type Violation = { readonly rule: string; readonly edge: string };

export const violation = (rule: string, [from, to]: Edge): Violation => ({ rule, edge: `${from} → ${to}` });

export function inOrder(violations: readonly Violation[]): readonly Violation[] {
  const key = ({ rule, edge }: Violation) => `${rule} ${edge}`;
  return violations.toSorted((a, b) => key(a).localeCompare(key(b)));
}

const repository = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = '.dependency-cruiser.mjs';
const SOURCES = ['bin', 'lib', 'lambda', 'test'];

const isSource = (name: string): boolean => SOURCES.some((folder) => name.startsWith(`${folder}/`));

/** The kinds of installed packages in a planted tree. */
const DEPENDENCIES = ['@aws-sdk/client-sqs', 'nodemailer', 'valibot'];
const DEV_DEPENDENCIES = ['aws-cdk-lib', 'smtp-server'];
const UNDECLARED = ['bowser'];

/** A project outside the repository that has its folders, its real rules, and only the planted imports. */
export class PlantedTree {
  readonly #root = mkdtempSync(join(tmpdir(), 'planted-tree-'));

  constructor(edges: readonly Edge[]) {
    copyFileSync(join(repository, CONFIG), join(this.#root, CONFIG));
    for (const folder of SOURCES) mkdirSync(join(this.#root, folder));
    this.#install();
    for (const [, to] of edges) if (isSource(to)) this.write(to, 'export {};\n');
    for (const [from, imports] of Map.groupBy(edges, ([importer]) => importer)) {
      this.write(from, imports.map((edge) => `import '${specifierOf(edge)}';\n`).join(''));
    }
  }

  write(file: string, text: string): void {
    const path = join(this.#root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** The names of the rules that the checker read. */
  rules(): readonly string[] {
    return this.#report().ruleSetUsed.forbidden.map(({ name }) => name);
  }

  /** The errors that `npm run rules` finds in the tree, without warnings, which fail no build. */
  violations(): readonly Violation[] {
    const errors = this.#report().violations.filter(({ rule }) => rule.severity === 'error');
    return inOrder(errors.map((found) => violation(found.rule.name, edgeOf(found))));
  }

  /** The exit status of `npm run rules`. */
  exitStatus(): number | null {
    return this.#runRules().status;
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }

  #report(): Report {
    const { stdout, stderr } = this.#runRules('--output-type', 'json');
    if (stdout === '') throw new Error(`the checker did not run: ${stderr}`);
    return JSON.parse(stdout).summary;
  }

  #install(): void {
    const versions = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '1.0.0']));
    const dependencies = versions(DEPENDENCIES);
    const devDependencies = versions(DEV_DEPENDENCIES);
    this.write('package.json', JSON.stringify({ type: 'module', dependencies, devDependencies }));
    for (const name of [...DEPENDENCIES, ...DEV_DEPENDENCIES, ...UNDECLARED]) {
      // In dist/, as in real packages: rules that skip that folder would see no package at all.
      this.write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: './dist/index.js' }));
      this.write(`node_modules/${name}/dist/index.js`, '');
    }
  }

  #runRules(...more: readonly string[]) {
    const [command = '', ...args] = rulesScript().split(' ');
    return spawnSync(join(repository, 'node_modules/.bin', command), [...args, ...more], {
      cwd: this.#root,
      encoding: 'utf8',
      env: { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) },
    });
  }
}

function rulesScript(): string {
  const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  return scripts.rules;
}

function specifierOf([from, to]: Edge): string {
  if (isBuiltin(to)) return `node:${to}`;
  if (!isSource(to)) return to;
  const relative = posix.relative(posix.dirname(from), to);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

type Found = { readonly from: string; readonly to: string; readonly unresolvedTo?: string };
type Rule = { readonly name: string; readonly severity: string };

/** The fields of the checker's output that are used here. */
type Report = {
  readonly violations: readonly (Found & { readonly rule: Rule })[];
  readonly ruleSetUsed: { readonly forbidden: readonly Rule[] };
};

/**
 * An edge names a package by its name, not by the file it resolves to. A rule on what is reachable reports only
 * the file.
 */
function edgeOf({ from, to, unresolvedTo }: Found): Edge {
  const [, name = to] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(to) ?? [];
  return [from, isSource(to) ? to : (unresolvedTo ?? name)];
}
