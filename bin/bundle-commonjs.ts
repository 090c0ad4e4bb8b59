import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(repository, 'dist/lib');
const COMMONJS = join(repository, 'dist/cjs');

/**
 * The same library for `require`, a file for each entry: Jest and older bundlers cannot `require` an ECMAScript module, as Node
 * can. The dependencies stay outside, since each of them has both forms.
 */
async function bundleCommonJs(): Promise<void> {
  await build({
    entryPoints: { index: 'lib/index.ts', 'outbox-contract': 'lib/ports/outbox-contract.ts' },
    absWorkingDir: repository,
    outdir: COMMONJS,
    bundle: true,
    packages: 'external',
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // For the stack traces.
    keepNames: true,
    // The statements of PostgreSQL are read from a folder beside the file.
    define: { 'import.meta.url': 'moduleUrl' },
    banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    legalComments: 'none',
    logLevel: 'warning',
  });
  writeFileSync(join(COMMONJS, 'package.json'), '{ "type": "commonjs" }\n');
}

/**
 * Declarations name the files that are there after the build: TypeScript before 5.0 finds none by the names of the
 * sources. A second copy stands beside the CommonJS, whose package.json says that they describe CommonJS.
 */
function writeDeclarations(): void {
  for (const file of globSync('**/*.d.ts', { cwd: MODULES })) {
    const text = readFileSync(join(MODULES, file), 'utf8');
    const declarations = text.replaceAll(/((?:from|import) ?\(?')(\.[^']*)\.ts'/g, "$1$2.js'");
    for (const folder of [MODULES, COMMONJS]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), declarations);
    }
  }
}

await bundleCommonJs();
writeDeclarations();
cpSync(join(repository, 'lib/adapters/postgres/sql'), join(COMMONJS, 'sql'), { recursive: true });
