import { describe, expect, it } from '@jest/globals';
import type { InvocationOutcome } from '../../../lib/emulators/lambda/invocation.ts';
import { InvocationRecorder } from '../../../lib/emulators/lambda/invocation.ts';

const FAILED: readonly InvocationOutcome[] = [
  { kind: 'threw', error: { errorType: 'Error', errorMessage: 'no', trace: [] } },
  { kind: 'timed-out' },
  { kind: 'crashed' },
];

describe('an invocation that has ended', () => {
  it('counts the invocations that ran when it began', () => {
    let running = 2;
    const watch = new InvocationRecorder(() => running);
    watch.begin();
    running = 5;

    expect(watch.end({ kind: 'answered', answer: 'null' })).toMatchObject({ concurrent: 2, failed: false });
  });

  it.each(FAILED)('has failed if it $kind', (outcome) => {
    const watch = new InvocationRecorder(() => 1);
    watch.begin();

    expect(watch.end(outcome).failed).toBe(true);
  });

  it('has failed if its process crashed before it began', () => {
    expect(new InvocationRecorder(() => 1).end({ kind: 'crashed' }).failed).toBe(true);
  });
});
