import { describe, expect, it } from '@jest/globals';
import { findResource } from '../../../../lib/cli/deployment.ts';

const queue = (logicalId: string, type = 'AWS::SQS::Queue') => ({ logicalId, type, physicalId: logicalId });

describe('findResource', () => {
  it('distinguishes a queue from its dead-letter queue and other resources with its name, in any order', () => {
    const resources = [
      queue('FallbackQueueDeadLetterQueue1AC9C556'),
      queue('FallbackQueue98AE9AA5', 'AWS::SQS::QueuePolicy'),
      queue('OldFallbackQueue98AE9AA5'),
      queue('FallbackQueue0A1B2C3D'),
    ];
    expect(findResource(resources, 'fallbackQueue')).toBe('FallbackQueue0A1B2C3D');
    expect(findResource(resources, 'fallbackDeadLetters')).toBe('FallbackQueueDeadLetterQueue1AC9C556');
    expect(findResource(resources, 'feedbackQueue')).toBeUndefined();
  });
});
