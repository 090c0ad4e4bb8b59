/**
 * Prints the bundle size of each Lambda: what every cold start loads, and the total with what loads on
 * demand.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleLambda } from '../../lib/infra/lambda-bundle.ts';

/** The files that `file` imports, directly or indirectly, without `import()`. */
function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
  loaded.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*"(\.[^"]+)"/g)) {
    const imported = join(dirname(file), path);
    if (!loaded.has(imported)) loadedWith(imported, loaded);
  }
  return loaded;
}

const kilobytes = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;

for (const name of ['resend', 'feedback', 'account-metrics'] as const) {
  const { directory, bytes } = bundleLambda(name);
  const start = [...loadedWith(join(directory, 'index.mjs'))].reduce(
    (sum, file) => sum + statSync(file).size,
    0,
  );
  console.log(`${name}: ${kilobytes(start)} loaded at start, ${kilobytes(bytes)} in all`);
}
