import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const app = fileURLToPath(new URL('../../../bin/pipeline.ts', import.meta.url));

/** Starts the CDK app as the CDK does, with the context of `-c`. */
function start(context: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-app-'));
  return spawnSync(process.execPath, [app], {
    cwd: folder,
    env: { CDK_OUTDIR: join(folder, 'cdk.out'), CDK_CONTEXT_JSON: JSON.stringify(context) },
    encoding: 'utf8',
  });
}

describe('the CDK app', () => {
  it('stops for wrong settings with one message and no stack trace', () => {
    const { status, stderr, stdout } = start({
      stage: 'production',
      runbookUrl: 'wiki',
      stgae: 'prod',
    });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toEqual([
      '3 settings are wrong, in "mail" of the context in cdk.json or given with -c:',
      expect.stringMatching(/^ {2}stgae is no setting: allowed are project, stage, /),
      expect.stringMatching(/^ {2}stage = "production": allowed is one of dev, prod$/),
      expect.stringMatching(/^ {2}runbookUrl = "wiki": allowed is an https URL/),
    ]);
  });
});
