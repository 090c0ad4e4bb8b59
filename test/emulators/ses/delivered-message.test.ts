import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { deliveredMessage } from '../../../lib/emulators/ses/delivered-message.ts';
import { HELLO, runDouble, send } from './running-double.ts';

const stamp = {
  sesMessageId: '0102-id-000000',
  at: new Date('2026-03-01T12:34:56Z'),
  region: 'eu-west-1',
};

const MESSAGE_ID = 'Message-ID: <0102-id-000000@eu-west-1.amazonses.com>';
const DATE = 'Date: Sun, 01 Mar 2026 12:34:56 +0000';

const delivered = (lines: string[], lineEnd = '\r\n'): string[] =>
  deliveredMessage(Buffer.from(lines.join(lineEnd)), stamp)
    .toString()
    .split(lineEnd);

describe('the delivered message', () => {
  it.each([
    ['CRLF', '\r\n'],
    ['LF', '\n'],
  ])('has the Message-ID and Date of SES in place of its own (%s)', (_name, lineEnd) => {
    const lines = ['From: a@example.org', 'DATE: Mon', 'message-id:', ' <own@example.org>', 'To: b', '', 'x'];
    expect(delivered(lines, lineEnd)).toEqual(['From: a@example.org', DATE, MESSAGE_ID, 'To: b', '', 'x']);
  });

  it('gets both when it had none', () => {
    expect(delivered(['From: a@example.org', '', 'x'])).toEqual([
      'From: a@example.org',
      MESSAGE_ID,
      DATE,
      '',
      'x',
    ]);
  });

  it('keeps header-like lines in the body, and other ids in the header', () => {
    const lines = ['X-Message-ID: 1', 'References: <r@example.org>', MESSAGE_ID, DATE];
    const body = ['', 'Message-ID: <own@example.org>', 'Bcc: c@example.org', ''];
    expect(delivered([...lines, ...body])).toEqual([...lines, ...body]);
  });

  it('has no Bcc and none of the ARN headers', () => {
    const dropped = ['Bcc: c@example.org,', '\td@example.org', 'X-SES-SOURCE-ARN: arn:aws:ses:x'];
    expect(delivered([...dropped, MESSAGE_ID, DATE, '', 'x'])).toEqual([MESSAGE_ID, DATE, '', 'x']);
  });

  it('may be a header without a body', () => {
    expect(delivered(['From: a@example.org', ''])).toEqual(['From: a@example.org', MESSAGE_ID, DATE, '']);
  });

  it.each(['v1', 'v2'] as const)('has the id returned by %s, and every other byte', async (api) => {
    const running = await runDouble({ clock: { now: () => stamp.at } });
    // SES refuses lines of more than 1,000 bytes.
    const lines = Array.from({ length: 8 }, () => Buffer.concat([randomBytes(512), Buffer.from('\r\n')]));
    const body = Buffer.concat(lines);
    const own = 'Message-ID: <own@example.org>\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n';
    await send(running, api, { raw: Buffer.concat([Buffer.from(own + HELLO), body]) });

    const [mail] = running.double.mails;
    const ofSes = `Message-ID: <${mail?.sesMessageId}@eu-west-1.amazonses.com>\r\n${DATE}\r\n`;
    expect(mail?.delivered.equals(Buffer.concat([Buffer.from(ofSes + HELLO), body]))).toBe(true);
  });
});
