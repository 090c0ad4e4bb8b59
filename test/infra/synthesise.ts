import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { readSettings, type Settings } from '../../lib/infra/settings.ts';
import { type ComposedPipeline, composePipeline } from '../../lib/infra/stacks/compose-pipeline.ts';

/**
 * The feature flags of cdk.json without its settings: a team that has set its own domain, project and Region there runs
 * the same tests.
 */
const { mail: _, ...CONTEXT }: Record<string, unknown> = JSON.parse(
  readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
).context;

/** As if cdk.json had these and nothing else. */
export function settingsWith(overrides: Readonly<Record<string, unknown>> = {}): Settings {
  const read = readSettings({ ...CONTEXT, mail: overrides });
  if (read.kind === 'invalid') throw new Error(read.message);
  return read.settings;
}

/** The app as `cdk synth -c …` would compose it, but for a stand-in for the bundles, so that nothing is bundled. */
export function composeWith(
  overrides: Readonly<Record<string, unknown>> = {},
): ComposedPipeline & { app: App } {
  const bundle = mkdtempSync(join(tmpdir(), 'bundle-'));
  writeFileSync(join(bundle, 'index.mjs'), 'export const handler = async () => {};');
  const app = new App({ context: CONTEXT });
  const settings = settingsWith(overrides);
  const bundles = { resendBundle: bundle, feedbackBundle: bundle, accountMetricsBundle: bundle };
  return { app, ...composePipeline(app, { settings, ...bundles }) };
}

export interface Synthesised {
  readonly identity: Template;
  readonly pipeline: Template;
  readonly monitoring: Template;
}

const synthesised = new Map<string, Synthesised>();

/** The templates for these settings; the same ones for the same settings, since a synth takes seconds. */
export function synthesise(overrides: Readonly<Record<string, unknown>> = {}): Synthesised {
  const key = JSON.stringify(overrides);
  const known = synthesised.get(key) ?? synthesiseAnew(overrides);
  synthesised.set(key, known);
  return known;
}

function synthesiseAnew(overrides: Readonly<Record<string, unknown>>): Synthesised {
  const { identity, pipeline, monitoring } = composeWith(overrides);
  return {
    identity: Template.fromStack(identity),
    pipeline: Template.fromStack(pipeline),
    monitoring: Template.fromStack(monitoring),
  };
}

/** The logical id of the only resource of a type that has these properties. */
export function idOf(template: Template, type: string, properties: object = {}): string {
  const ids = Object.keys(template.findResources(type, { Properties: properties }));
  if (ids.length !== 1)
    throw new Error(`${ids.length} resources of ${type} have ${JSON.stringify(properties)}`);
  return String(ids[0]);
}

export const arnOf = (id: string) => ({ 'Fn::GetAtt': [id, 'Arn'] });
