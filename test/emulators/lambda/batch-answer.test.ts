import { describe, expect, it } from '@jest/globals';
import { readBatchAnswer } from '../../../lib/emulators/lambda/invocation.ts';

const ids = ['a', 'b'];
const failures = (...itemIdentifiers: unknown[]) => ({
  batchItemFailures: itemIdentifiers.map((itemIdentifier) => ({ itemIdentifier })),
});

describe('the response to a batch', () => {
  it.each([null, {}, { batchItemFailures: [] }, { batchItemFailures: null }, { other: 1 }])(
    'of %j means that all succeeded',
    (answer) => {
      expect(readBatchAnswer(JSON.stringify(answer), ids)).toEqual({ kind: 'done', failedIds: new Set() });
    },
  );

  it('names the messages that failed', () => {
    const verdict = readBatchAnswer(JSON.stringify(failures('b')), ids);
    expect(verdict).toEqual({ kind: 'done', failedIds: new Set(['b']) });
  });

  it.each([
    failures(''),
    failures(null),
    failures('b', 'unknown'),
    failures(1),
    { batchItemFailures: [{ itemId: 'a' }] },
    { batchItemFailures: ['a'] },
    { batchItemFailures: 'a' },
    'ok',
    7,
    [],
  ])('of %j is malformed', (answer) => {
    expect(readBatchAnswer(JSON.stringify(answer), ids)).toEqual({ kind: 'malformed' });
  });
});
