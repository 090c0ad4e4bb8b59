import { readFileSync } from 'node:fs';

/**
 * A file of the package. This file, and the command that it is bundled into, are both two folders below the package's
 * own.
 */
export function readPackageFile(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** The version of the package. */
export function packageVersion(): string {
  const { version }: { readonly version: string } = JSON.parse(readPackageFile('package.json'));
  return version;
}
