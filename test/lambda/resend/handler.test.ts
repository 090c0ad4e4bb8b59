import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  NEEDED_FOR_ONE_SEND_MS,
  PAYLOAD_TIMEOUT_MS,
  RESEND_TIMEOUT_SECONDS,
  SES_CALL_TIMEOUT_MS,
} from '../../../lambda/resend/constants.ts';
import { resendEnvironment } from '../../../lib/emulators/backend.ts';
import { type LocalServices, startLocalServices } from '../../../lib/emulators/services.ts';
import { aContext } from '../../support/a-context.ts';
import { aRecordOf } from '../../support/a-record.ts';
import { anEnvelope } from '../../support/an-envelope.ts';

describe('the handler of the resend Lambda', () => {
  const before = { ...process.env };
  let services: LocalServices;

  beforeAll(async () => {
    services = await startLocalServices({ fallbackVisibilitySeconds: 30, feedbackVisibilitySeconds: 30 });
    Object.assign(process.env, {
      ...resendEnvironment(services, { least: 1, default: 1, most: 1 }),
      AWS_REGION: services.aws.region,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    });
  });

  afterAll(async () => {
    process.env = before;
    await services.close();
  });

  it('begins a send only if its time limits fit into the rest of the invocation', async () => {
    const { handler } = await import('../../../lambda/resend/handler.ts');
    const record = aRecordOf(anEnvelope());

    const tooLate = await handler({ Records: [record] }, aContext(NEEDED_FOR_ONE_SEND_MS));
    expect(tooLate.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
    expect(services.ses.calls).toEqual([]);

    const inTime = await handler({ Records: [record] }, aContext(NEEDED_FOR_ONE_SEND_MS + 1_000));
    expect(inTime.batchItemFailures).toEqual([]);
    expect(services.ses.mails).toHaveLength(1);
  });

  it('has limits that leave time to record the result of a send, and fit into one invocation', () => {
    expect(NEEDED_FOR_ONE_SEND_MS).toBeGreaterThanOrEqual(SES_CALL_TIMEOUT_MS + 10_000);
    expect(PAYLOAD_TIMEOUT_MS + NEEDED_FOR_ONE_SEND_MS).toBeLessThan(RESEND_TIMEOUT_SECONDS * 1000);
  });
});
