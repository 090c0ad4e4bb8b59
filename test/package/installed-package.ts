import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

/** What a fresh clone does not have, or is too large to copy. */
const NOT_COPIED = ['.git', 'node_modules', 'dist', 'cdk.out'];

/** Left over from an old build, of a module that no longer exists. */
const STALE = 'dist/lib/emulators/removed-long-ago.js';

const JEST_NODE = join(repository, 'node_modules/jest-environment-node');

/** The options of a strict project. `skipLibCheck: false` also checks the package's own declarations. */
const COMPILER_OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  target: 'es2023',
  module: 'nodenext',
  types: ['node'],
  noEmit: true,
};

export type Manifest = {
  readonly version: string;
  readonly main?: string;
  readonly types?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
};

/** The package as the API developer gets it: packed, and unpacked into a project next to its dependencies. */
export class InstalledPackage {
  readonly #project: string;

  private constructor(project: string) {
    this.#project = project;
  }

  static async create(): Promise<InstalledPackage> {
    const root = await mkdtemp(join(tmpdir(), 'installed-package-'));
    const project = new InstalledPackage(root);
    await project.#install(await pack(root));
    return project;
  }

  /** The paths of the package's files. */
  async files(): Promise<readonly string[]> {
    const entries = await readdir(this.#package, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(this.#package, join(entry.parentPath, entry.name)));
  }

  /** The disk space of the package and all that comes with it, as `du` counts it. */
  async installedBytes(): Promise<number> {
    const folders = new Set([this.#package]);
    for (const folder of folders) {
      const { dependencies = {} }: Manifest = JSON.parse(
        await readFile(join(folder, 'package.json'), 'utf8'),
      );
      for (const name of Object.keys(dependencies)) folders.add(await installedFor(folder, name));
    }
    return (await Promise.all([...folders].map(bytesIn))).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The package's package.json. */
  async manifest(): Promise<Manifest> {
    return JSON.parse(await readFile(join(this.#package, 'package.json'), 'utf8'));
  }

  /** A text file of the package. */
  read(file: string): Promise<string> {
    return readFile(join(this.#package, file), 'utf8');
  }

  /** Adds a file to the project. */
  async write(file: string, content: string): Promise<void> {
    await writeFile(join(this.#project, file), content);
  }

  /** Runs a program in the project under plain Node. @returns its parsed JSON output */
  async run(file: string, program: string, env: Readonly<Record<string, string>>): Promise<unknown> {
    await writeFile(join(this.#project, file), program);
    const { stdout } = await execute(process.execPath, [file], { cwd: this.#project, env: { ...env } });
    return JSON.parse(stdout);
  }

  /**
   * Runs a test file in the project under a Jest that knows CommonJS alone, as NestJS sets it up, without transform.
   *
   * @returns the titles of the tests by their state
   */
  async jest(file: string, test: string): Promise<Readonly<Record<string, readonly string[]>>> {
    await writeFile(join(this.#project, file), test);
    const config = { testMatch: [`<rootDir>/${file}`], transform: {}, testEnvironment: JEST_NODE, haste: {} };
    const jest = join(repository, 'node_modules/jest/bin/jest.js');
    const args = [
      '--rootDir',
      '.',
      '--config',
      JSON.stringify(config),
      '--json',
      '--no-cache',
      '--no-watchman',
    ];
    const { stdout, stderr } = spawnSync(process.execPath, [jest, ...args], {
      cwd: this.#project,
      env: environment(),
      encoding: 'utf8',
    });
    if (!stdout.startsWith('{')) throw new Error(stderr);
    const { testResults } = JSON.parse(stdout);
    const [{ assertionResults, message }] = testResults;
    if (assertionResults.length === 0) throw new Error(message);
    const tests: { readonly status: string; readonly title: string }[] = assertionResults;
    const byStatus = Map.groupBy(tests, ({ status }) => status);
    return Object.fromEntries(
      [...byStatus].map(([status, those]) => [status, those.map(({ title }) => title)]),
    );
  }

  /** The packages whose types a program in the project loads, by the path of a file of each. */
  async typesLoadedBy(file: string, program: string): Promise<readonly string[]> {
    await writeFile(join(this.#project, file), program);
    await this.#configure([file]);
    const { stdout } = spawnSync(
      join(repository, 'node_modules/.bin/tsc'),
      ['--pretty', 'false', '--listFiles'],
      { cwd: this.#project, env: environment(), encoding: 'utf8' },
    );
    return stdout.split('\n').filter((line) => line.endsWith('.d.ts') || line.endsWith('.d.mts'));
  }

  /** The compiler errors of a program in the project, as line and code: `9: TS2322`. */
  async typeErrors(file: string, program: string): Promise<readonly string[]> {
    const errors = await this.typeErrorsIn({ [file]: program });
    return errors.map((error) => error.slice(file.length + 1));
  }

  /** The same for several programs, compiled together: `works.ts:9: TS2322`. */
  async typeErrorsIn(programs: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const files = Object.keys(programs);
    for (const [file, program] of Object.entries(programs))
      await writeFile(join(this.#project, file), program);
    await this.#configure(files);
    const { status, stdout, stderr } = spawnSync(
      join(repository, 'node_modules/.bin/tsc'),
      ['--pretty', 'false'],
      { cwd: this.#project, env: environment(), encoding: 'utf8' },
    );
    const errors = [...stdout.matchAll(/^(.+)\((\d+),\d+\): error (TS\d+)/gm)];
    const elsewhere = errors.filter(([, where = '']) => !files.includes(where));
    // If the compiler failed without an error in the program, it has not checked it.
    if ((status !== 0 && errors.length === 0) || elsewhere.length > 0) throw new Error(stdout + stderr);
    return errors.map(([, where, line, code]) => `${where}:${line}: ${code}`);
  }

  async remove(): Promise<void> {
    await rm(this.#project, { recursive: true });
  }

  get #package(): string {
    return join(this.#project, 'node_modules/keybuzz-mail-pipeline');
  }

  async #configure(files: readonly string[]): Promise<void> {
    const config = { compilerOptions: COMPILER_OPTIONS, files };
    await writeFile(join(this.#project, 'tsconfig.json'), JSON.stringify(config));
  }

  async #install(tarball: string): Promise<void> {
    await writeFile(join(this.#project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    await mkdir(this.#package, { recursive: true });
    await execute('tar', ['-xzf', tarball, '-C', this.#package, '--strip-components=1']);
    const { dependencies = {} } = await this.manifest();
    // A TypeScript project has its own Node types.
    for (const name of [...Object.keys(dependencies), '@types/node']) await this.#link(name);
  }

  /**
   * Links the real package, so that it finds its own dependencies; the project sees only the packages linked
   * here.
   */
  async #link(name: string): Promise<void> {
    const link = join(this.#project, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(repository, 'node_modules', name), link);
  }
}

/** The folder of a dependency: the nearest one above, as Node resolves it. */
async function installedFor(folder: string, name: string): Promise<string> {
  for (let above = folder; above !== dirname(above); above = dirname(above)) {
    const candidate = join(above, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpath(candidate);
  }
  throw new Error(`${name}, which ${folder} depends on, is not installed`);
}

const BLOCK_BYTES = 4096;

/** Without the packages that are installed inside of it. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sizes = entries
    .filter(({ name }) => name !== 'node_modules')
    .map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return bytesIn(path);
      return Math.ceil((await stat(path)).size / BLOCK_BYTES) * BLOCK_BYTES;
    });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, BLOCK_BYTES);
}

/**
 * Packs a copy of the repository, because packing builds, and other tests may be using the repository itself.
 */
async function pack(root: string): Promise<string> {
  const copy = join(root, 'repository');
  for (const entry of await readdir(repository)) {
    if (!NOT_COPIED.includes(entry)) {
      await cp(join(repository, entry), join(copy, entry), { recursive: true });
    }
  }
  await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
  await mkdir(dirname(join(copy, STALE)), { recursive: true });
  await writeFile(join(copy, STALE), '');
  await execute('npm', ['pack', '--offline', '--pack-destination', root], { cwd: copy, env: environment() });
  await rm(copy, { recursive: true });
  const tarball = (await readdir(root)).find((entry) => entry.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm packed nothing into ${basename(root)}`);
  return join(root, tarball);
}

/** Without the options of this Node process, which runs tests. */
function environment(): Record<string, string> {
  return { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), HOME: tmpdir() };
}
