import { describe, expect, it } from '@jest/globals';
import { SesV1Sender } from '../../../lib/adapters/ses/ses-v1-sender.ts';
import { SesV2Sender } from '../../../lib/adapters/ses/ses-v2-sender.ts';
import { STALLS, startStallingServer } from '../../support/stalling-server.ts';

const MAIL = {
  from: 'support@keybuzz.io',
  recipients: ['marie@example.org'],
  mime: Buffer.from('From: support@keybuzz.io\r\n\r\nHello\r\n'),
  deliveryId: 'reply-1',
  part: 0,
  tags: {},
};

describe.each([SesV1Sender, SesV2Sender])('the time limit of %p', (Sender) => {
  it.each(STALLS)(
    'ends a call whose response %s, with an unknown result',
    async (stall) => {
      const server = await startStallingServer(stall);
      const sender = new Sender('keybuzz-mail', 300, {
        region: 'eu-west-1',
        endpoint: server.url,
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      });
      const before = performance.now();

      const result = await sender.send(MAIL);

      expect(result).toMatchObject({ verdict: { kind: 'retry', cause: 'answer-lost', answerLost: true } });
      expect(performance.now() - before).toBeLessThan(3_000);
      await server.close();
    },
    10_000,
  );
});
