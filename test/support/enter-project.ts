import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Moves this process into a folder whose cdk.json has these settings: `mailctl` reads that of the folder that it is run
 * in, and the one of this repository may be another team's.
 *
 * @returns moves it back and removes the folder
 */
export async function enterProject(mail: object = {}): Promise<() => Promise<void>> {
  const before = process.cwd();
  const directory = await mkdtemp(join(tmpdir(), 'mailctl-project-'));
  await writeFile(join(directory, 'cdk.json'), JSON.stringify({ context: { mail } }));
  process.chdir(directory);
  return async () => {
    process.chdir(before);
    await rm(directory, { recursive: true });
  };
}
