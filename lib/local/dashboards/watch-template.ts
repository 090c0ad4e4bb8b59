import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { MailWatchStack } from '../../infra/mail-watch-stack.ts';
import type { Settings } from '../../infra/settings.ts';
import { watchNames } from '../../infra/watch/watch-names.ts';

/** The template of what watches a stage, as it would be deployed but for the code of its function. */
export async function watchTemplate(
  settings: Settings,
  context: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), 'watch-template-'));
  try {
    const app = new App({ context: { ...context }, outdir: join(directory, 'cdk.out') });
    const { stack } = watchNames(settings);
    const env = { region: settings.region };
    // A folder with nothing in it stands for the bundle: nobody deploys this.
    const watchBundle = await mkdtemp(join(directory, 'bundle-'));
    new MailWatchStack(app, stack, { env, settings, watchBundle });
    return app.synth().getStackByName(stack).template;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
