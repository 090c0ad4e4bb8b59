import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AwsClients } from '../../../../lib/cli/aws-clients.ts';
import { runDiffCommand } from '../../../../lib/cli/commands/secrets/diff.ts';
import {
  type KubernetesFlags,
  kubernetesSecret,
  runKubernetesCommand,
} from '../../../../lib/cli/commands/secrets/kubernetes.ts';
import type { CommandContext } from '../../../../lib/cli/context.ts';
import { FixHints } from '../../../../lib/cli/hints.ts';
import { Terminal } from '../../../../lib/cli/terminal.ts';
import { SES, type SecretsBench, startSecretsBench, valuesIn } from './secrets-bench.ts';

const FLAGS = {
  namespace: 'a',
  format: 'secret',
  show: false,
  storeKind: 'SecretStore',
  from: 'aws',
} as const satisfies KubernetesFlags;

describe('the streams of a command', () => {
  let bench: SecretsBench;
  let output: PassThrough;
  let stop: AbortController;
  const before = { ...process.env };

  beforeEach(async () => {
    bench = await startSecretsBench();
    Object.assign(process.env, bench.aws.environment);
    output = new PassThrough();
    stop = new AbortController();
  });

  afterEach(async () => {
    // In place, because the AWS clients keep their reference to this object.
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, before);
    await bench.close();
  });

  const byDefault = <Value extends string>(value: Value) => ({ value, from: 'default', isByHand: false });

  function context({ env = bench.env, input = new PassThrough(), isTTY = true } = {}): CommandContext {
    const streams = { input, output: Object.assign(output, { isTTY }), errors: new PassThrough() };
    return {
      deployment: { project: 'keybuzz', stage: 'dev' },
      chosen: { project: byDefault('keybuzz'), stage: byDefault('dev'), region: byDefault('eu-west-1') },
      projectFile: undefined,
      aws: new AwsClients({ region: 'eu-west-1', hasOwnSqs: false }),
      terminal: new Terminal(streams, { json: false, yes: false }),
      streams,
      commands: new FixHints({ project: 'keybuzz', stage: 'prod' }, 'eu-west-1', 'ops'),
      env,
      signal: stop.signal,
    };
  }

  const printed = () => text(output.end());

  it('refuse to print a value on a terminal, before it is even read', async () => {
    await expect(runKubernetesCommand(context(), FLAGS)).rejects.toMatchObject({
      code: 'WOULD_SHOW_SECRET',
      fix: expect.stringContaining(
        'mailctl --stage prod --profile ops secrets kubernetes --namespace a | kubectl apply -f -',
      ),
    });
    expect(bench.aws.calls).toEqual([]);
    expect(await printed()).toBe('');
  });

  it('print it there with --show', async () => {
    await runKubernetesCommand(context(), { ...FLAGS, show: true });
    expect(await printed()).toContain(Buffer.from(SES.AWS_SES_SECRET_KEY).toString('base64'));
  });

  it('print there what contains no value', async () => {
    await runKubernetesCommand(context(), { ...FLAGS, format: 'external-secret', store: 'store' });
    const shown = await printed();
    expect(shown).toContain('kind: ExternalSecret');
    expect(valuesIn(shown)).toEqual([]);
  });

  it('read the Kubernetes Secret from standard input', async () => {
    const input = new PassThrough();
    input.end(
      JSON.stringify(
        kubernetesSecret({ namespace: 'a', name: 'keybuzz-ses' }, { ...SES, PAYLOAD_BUCKET: 'another' }),
      ),
    );
    const flags = { mount: 'secret', kubernetesFile: '-' };
    expect(await runDiffCommand(context({ env: {}, input }), flags)).toBe(1);
    expect(await printed()).toMatch(/PAYLOAD_BUCKET +different/);
  });

  it('are not waited for after an interruption', async () => {
    const run = runDiffCommand(context({ env: {} }), { mount: 'secret', kubernetesFile: '-' });
    stop.abort(new Error('interrupted'));
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });
});
