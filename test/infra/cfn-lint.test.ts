import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { synthesise } from './synthesise.ts';

/** The CDK itself writes a `DependsOn` beside each `GetAtt` of a role. */
const IGNORED = 'W3005';

/** AWS's linter for templates is a Python program: where it is not installed, the templates are checked by cdk-nag alone. */
const isInstalled = spawnSync('cfn-lint', ['--version']).status === 0;
if (!isInstalled)
  console.log('cfn-lint is not installed (pip install cfn-lint): the templates are not linted');

const VARIANTS = [
  ['dev', {}],
  ['prod', { stage: 'prod' }],
  ['an identity of somebody else', { existingIdentity: true }],
  [
    'all options',
    {
      stage: 'prod',
      hostedZoneId: 'Z123456ABCDEFG',
      tlsPolicy: 'require',
      alarms: 'all',
      workerMetrics: true,
      alarmEmail: ['ops@example.org'],
      allowedSourceAddresses: ['203.0.113.7/32'],
    },
  ],
] as const;

(isInstalled ? describe : describe.skip)('cfn-lint', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cfn-lint-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  function lint(templates: Readonly<Record<string, object>>): string {
    const files = Object.entries(templates).map(([name, template]) => {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(template));
      return file;
    });
    return spawnSync('cfn-lint', ['-i', IGNORED, '-r', 'eu-west-1', '--', ...files], { encoding: 'utf8' })
      .stdout;
  }

  it.each(VARIANTS)('finds nothing in the templates: %s', (_name, overrides) => {
    const { identity, pipeline, monitoring } = synthesise(overrides);

    expect(
      lint({ identity: identity.toJSON(), pipeline: pipeline.toJSON(), monitoring: monitoring.toJSON() }),
    ).toBe('');
  });

  it('would find a value that SQS does not accept', () => {
    const template = structuredClone(synthesise().pipeline.toJSON());
    template.Resources.FallbackQueue.Properties.VisibilityTimeout = 43_201;

    expect(lint({ pipeline: template })).toContain('43201');
  });
});
