import { copyFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const repository = fileURLToPath(new URL('..', import.meta.url));
const COMMANDS = ['mailctl', 'outbound-worker', 'smtp-relay'];
const LICENCES = 'dist/bin/THIRD-PARTY-LICENCES.txt';

/** What the pages of the console load, beside the commands; by the name that `lib/console/assets.ts` looks for. */
const ASSETS = 'dist/bin/assets';
const CHART_LIBRARY = 'node_modules/uplot';
const CHART_FILES = { 'uplot.js': 'dist/uPlot.iife.min.js', 'uplot.css': 'dist/uPlot.min.css' } as const;

/** Packages that the API installs along with this one; the commands use the same. */
const dependencies: readonly string[] = Object.keys(
  JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).dependencies,
);

/**
 * Bundles the commands with what only they need: an API that imports the mailer would otherwise install the clients
 * of ten AWS services for an operator's tool. What is imported on first use stays in a file of its own.
 */
async function bundleCommands(): Promise<void> {
  const { metafile } = await build({
    entryPoints: COMMANDS.map((name) => `bin/${name}.ts`),
    absWorkingDir: repository,
    outdir: 'dist/bin',
    // Beside the commands: the statements of PostgreSQL are read from a folder beside the file.
    chunkNames: 'chunk-[hash]',
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    conditions: ['module'],
    external: dependencies.flatMap((name) => [name, `${name}/*`]),
    // Some packages are CommonJS and require modules of Node.
    banner: {
      js: "import { createRequire as nodeRequire } from 'node:module';const require = nodeRequire(import.meta.url);",
    },
    minifySyntax: true,
    minifyWhitespace: true,
    // For the stack traces.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
  assertInstallable(metafile);
  writeFileSync(join(repository, LICENCES), licencesOf(metafile));
  copyAssets();
}

function copyAssets(): void {
  cpSync(join(repository, 'lib/console/assets'), join(repository, ASSETS), { recursive: true });
  for (const [name, file] of Object.entries(CHART_FILES)) {
    copyFileSync(join(repository, CHART_LIBRARY, file), join(repository, ASSETS, name));
  }
}

/** What is still imported must be installed with the package. */
function assertInstallable({ outputs }: Metafile): void {
  const missing = Object.entries(outputs).flatMap(([output, { imports }]) =>
    imports
      .filter(({ external, path }) => external && !isBuiltin(path) && !dependencies.includes(packageOf(path)))
      .map(({ path }) => `${output} imports ${path}`),
  );
  if (missing.length > 0) throw new Error(`The commands would not start:\n${missing.join('\n')}`);
}

function packageOf(path: string): string {
  return path.split('/', path.startsWith('@') ? 2 : 1).join('/');
}

/** Their licences want to go along with the code. */
function licencesOf({ inputs }: Metafile): string {
  const folders = Object.keys(inputs).flatMap((input) => {
    const [, inside] = /^(?:.*\/)?node_modules\/(.+)$/.exec(input) ?? [];
    if (inside === undefined) return [];
    return [input.slice(0, input.length - inside.length) + packageOf(inside)];
  });
  const packages = Map.groupBy([...new Set([...folders, CHART_LIBRARY])].sort(), licenceIn);
  return [...packages]
    .map(([text, those]) => `${those.map(titleOf).join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function titleOf(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(repository, folder, 'package.json'), 'utf8'),
  );
  return `${name} ${version} (${license})`;
}

function licenceIn(folder: string): string {
  const directory = join(repository, folder);
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  return files.map((file) => readFileSync(join(directory, file), 'utf8').trim()).join('\n\n');
}

await bundleCommands();
