import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { monitoringStackName } from '../../lib/common/names.ts';
import type { Settings } from '../../lib/infra/settings.ts';
import { MailMonitoringStack } from '../../lib/infra/stacks/mail-monitoring-stack.ts';

/**
 * The template of the monitoring stack of a stage, as it would be deployed except for the code of its
 * function.
 */
export async function monitoringTemplate(
  settings: Settings,
  context: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const directory = await mkdtemp(join(tmpdir(), 'monitoring-template-'));
  try {
    const app = new App({ context: { ...context }, outdir: join(directory, 'cdk.out') });
    const stack = monitoringStackName(settings);
    const env = { region: settings.region };
    // An empty folder replaces the bundle, because this is never deployed.
    const accountMetricsBundle = await mkdtemp(join(directory, 'bundle-'));
    new MailMonitoringStack(app, stack, { env, settings, accountMetricsBundle });
    return app.synth().getStackByName(stack).template;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
