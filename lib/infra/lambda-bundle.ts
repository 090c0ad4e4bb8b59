import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildResult, buildSync, type OutputFile } from 'esbuild';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const NODE_HTTP = join(repository, 'lib', 'infra', 'lambda-node-http.ts');

/** The clients of the SDK that `lib/lambda-sdk` stands in for, which load in a fraction of the time. */
const SDK_CLIENTS = ['client-dynamodb', 'client-s3', 'client-ses', 'client-sesv2', 'client-sqs'];

const STAND_INS = {
  http: NODE_HTTP,
  'node:http': NODE_HTTP,
  ...Object.fromEntries(
    SDK_CLIENTS.map((name) => [`@aws-sdk/${name}`, join(repository, 'lib', 'lambda-sdk', `${name}.ts`)]),
  ),
};

export interface LambdaBundle {
  /** The folder with `index.mjs`, which exports `handler`, and the chunks it loads. */
  readonly directory: string;

  /** The size of all files in the folder together. */
  readonly bytes: number;
}

/**
 * Bundles a Lambda with all it needs, the AWS SDK too: the one that Lambda's runtime brings is loaded from many
 * files, and changes without a deploy. The same code gives the same bytes and the same folder, `<name>-<hash>` in
 * `outDir`; a folder that is there already is left alone, so that processes may bundle side by side.
 *
 * @param name the folder in `lambda/` whose `handler.ts` is bundled
 * @param outDir where the folder of the bundle goes; by default beside the assets of the CDK
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
 */
export function bundleLambda(
  name: 'resend' | 'feedback' | 'account-metrics',
  outDir = join(repository, 'cdk.out', 'lambda'),
): LambdaBundle {
  return bundleEntry({ name, entry: join(repository, 'lambda', name, 'handler.ts'), outDir });
}

export interface BundleEntryProps {
  readonly name: string;

  /** The module that exports `handler`. */
  readonly entry: string;

  readonly outDir: string;
}

export function bundleEntry({ name, entry, outDir }: BundleEntryProps): LambdaBundle {
  const virtualDirectory = join(repository, 'bundle');
  const result = buildSync({
    entryPoints: { index: entry },
    absWorkingDir: repository,
    outdir: virtualDirectory,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    write: false,
    metafile: true,
    bundle: true,
    // What most mails do not need (S3, the v2 client, the MIME composer) is imported when needed, from a chunk.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    conditions: ['module'],
    alias: STAND_INS,
    minifySyntax: true,
    minifyWhitespace: true,
    // Names stay as written, for the stack traces; with them, and the same bytes from the same code, a source map
    // is not worth its load. Where two modules have the same name one gets a number: to keep that from showing, each
    // function and class would be given its name again when it is loaded.
    minifyIdentifiers: false,
    keepNames: false,
    legalComments: 'none',
    sourcemap: false,
    logLevel: 'silent',
  });
  assertNothingMissing(name, result);
  const files = result.outputFiles.map((file) => ({ path: relative(virtualDirectory, file.path), file }));
  const directory = join(outDir, `${name}-${hashOf(files)}`);
  writeOnce(directory, files);
  return { directory, bytes: files.reduce((sum, { file }) => sum + file.contents.byteLength, 0) };
}

interface BundleFile {
  readonly path: string;
  readonly file: OutputFile;
}

/**
 * A module that calls `require` for a built-in would throw when it is loaded as ESM. None does today, so no
 * `createRequire` is put in front of every chunk; a dependency that brings one fails the build, not the Lambda.
 */
function assertNothingMissing(name: string, { metafile, warnings }: BuildResult<{ metafile: true }>): void {
  // An export that a stand-in lacks.
  const undefinedImports = warnings.filter(({ id }) => id === 'import-is-undefined').map(({ text }) => text);
  const notBundled = Object.entries(metafile.outputs).flatMap(([output, { imports }]) =>
    imports
      .filter(({ external, kind, path }) => external && (kind === 'require-call' || !isBuiltin(path)))
      .map(({ kind, path }) => `${output}: ${kind} of ${path}`),
  );
  const missing = [...undefinedImports, ...notBundled];
  if (missing.length > 0) {
    throw new Error(`The bundle of ${name} would not load on its own:\n${missing.join('\n')}`);
  }
}

function hashOf(files: readonly BundleFile[]): string {
  const hash = createHash('sha256');
  for (const { path, file } of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(`${path}\0${file.contents.byteLength}\0`).update(file.contents);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Written beside and renamed, so that no process reads half a bundle. */
function writeOnce(directory: string, files: readonly BundleFile[]): void {
  if (existsSync(directory)) return;
  mkdirSync(dirname(directory), { recursive: true });
  const draft = mkdtempSync(`${directory}-`);
  for (const { path, file } of files) {
    mkdirSync(dirname(join(draft, path)), { recursive: true });
    writeFileSync(join(draft, path), file.contents);
  }
  openForReading(draft);
  try {
    renameSync(draft, directory);
  } catch (error) {
    rmSync(draft, { recursive: true });
    // Another process was faster; its files are the same.
    if (!existsSync(directory)) throw error;
  }
}

/** Lambda runs the code as another user, so the umask of this process must not restrict it. */
function openForReading(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
}
