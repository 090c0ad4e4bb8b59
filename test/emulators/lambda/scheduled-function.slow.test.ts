import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FinishedInvocation } from '../../../lib/emulators/lambda/invocation.ts';
import { ScheduledFunction } from '../../../lib/emulators/lambda/scheduled-function.ts';

describe('a function on a schedule', () => {
  let bundleDirectory: string;
  let scheduled: ScheduledFunction;
  let lines: string[];
  let finished: FinishedInvocation[];
  beforeEach(async () => {
    bundleDirectory = await mkdtemp(join(tmpdir(), 'scheduled-'));
    lines = [];
    finished = [];
  });
  afterEach(async () => {
    await scheduled.close();
    await rm(bundleDirectory, { recursive: true });
  });

  async function make(source: string, timeoutSeconds = 5): Promise<void> {
    await writeFile(join(bundleDirectory, 'index.mjs'), source);
    scheduled = new ScheduledFunction({
      functionName: 'looks',
      bundleDirectory,
      environment: { GIVEN: 'yes' },
      timeoutSeconds,
      onLogLine: (line) => lines.push(line),
      onInvocation: (invocation) => finished.push(invocation),
    });
  }

  it('receives the event of EventBridge, with a context and its environment', async () => {
    await make(`export const handler = async (event, context) =>
      ({ event, name: context.functionName, arn: context.invokedFunctionArn, given: process.env.GIVEN });`);

    const outcome = await scheduled.invoke(new Date('2026-03-01T12:05:00.123Z'));

    expect(JSON.parse(outcome.kind === 'answered' ? outcome.answer : '')).toEqual({
      event: {
        version: '0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        account: '000000000000',
        time: '2026-03-01T12:05:00Z',
        region: 'eu-west-1',
        resources: ['arn:aws:events:eu-west-1:000000000000:rule/looks'],
        detail: {},
      },
      name: 'looks',
      arn: 'arn:aws:lambda:eu-west-1:000000000000:function:looks',
      given: 'yes',
    });
  });

  it('stays warm between invocations, and has forwarded all its output once it is closed', async () => {
    await make(`let count = 0;
      export const handler = async () => { count += 1; console.log('look ' + count); return count; };`);

    expect(await scheduled.invoke()).toEqual({ kind: 'answered', answer: '1' });
    expect(await scheduled.invoke()).toEqual({ kind: 'answered', answer: '2' });
    await scheduled.close();

    expect(lines).toEqual(['look 1', 'look 2']);
  });

  it.each([
    ['threw', `throw new Error('broken');`],
    ['crashed', 'process.exit(1);'],
    ['timed-out', 'await new Promise((resolve) => setTimeout(resolve, 60_000));'],
  ])('that %s reports it, counts as failed, and runs again', async (kind, first) => {
    // The second invocation may run in another process, which detects the first by a file.
    await make(
      `import { existsSync, writeFileSync } from 'node:fs';
      export const handler = async () => {
        if (existsSync('been-here')) return;
        writeFileSync('been-here', '');
        ${first}
      };`,
      1,
    );

    expect(await scheduled.invoke()).toMatchObject({ kind });
    expect(await scheduled.invoke()).toEqual({ kind: 'answered', answer: 'null' });

    expect(finished).toMatchObject([
      { failed: true, concurrent: 1 },
      { failed: false, concurrent: 1 },
    ]);
  });
});
