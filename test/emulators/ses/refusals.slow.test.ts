import { describe, expect, it } from '@jest/globals';
import { errorOf, HELLO, type RunningDouble, runDouble, send } from './running-double.ts';

const recipients = (count: number): string[] => Array.from({ length: count }, (_, n) => `r${n}@example.net`);

/** The name of the same rejection in each protocol; as the SDK names it, not as on the wire. */
const PROTOCOLS = [
  {
    api: 'v1',
    badInput: { name: 'InvalidParameterValue', status: 400 },
    unknownSet: { name: 'ConfigurationSetDoesNotExistException', status: 400 },
    paused: { name: 'AccountSendingPausedException', status: 400 },
    setPaused: { name: 'ConfigurationSetSendingPausedException', status: 400 },
  },
  {
    api: 'v2',
    badInput: { name: 'BadRequestException', status: 400 },
    unknownSet: { name: 'NotFoundException', status: 404 },
    paused: { name: 'SendingPausedException', status: 400 },
    setPaused: { name: 'SendingPausedException', status: 400 },
  },
] as const;

describe.each(PROTOCOLS)('$api rejects', ({ api, badInput, unknownSet, paused, setPaused }) => {
  const refusal = async (running: RunningDouble, mail: Parameters<typeof send>[2]) => {
    const error = await errorOf(send(running, api, mail));
    expect(running.double.mails).toHaveLength(0);
    return error;
  };

  it('51 recipients, and accepts 50', async () => {
    const running = await runDouble({ maxSendRate: 200 });
    expect(await refusal(running, { to: recipients(51) })).toEqual({
      ...badInput,
      message: 'Recipient count exceeds 50.',
    });
    await send(running, api, { to: recipients(50) });
    expect(running.double.mails[0]?.recipients).toHaveLength(50);
  });

  it('51 recipients in the headers', async () => {
    const running = await runDouble({ maxSendRate: 200 });
    const raw = `From: shop@example.org\r\nBcc: ${recipients(51).join(',\r\n ')}\r\n\r\nx`;
    expect(await refusal(running, { raw })).toMatchObject({ message: 'Recipient count exceeds 50.' });
  });

  it('a message without recipients', async () => {
    const running = await runDouble();
    const error = await refusal(running, { raw: 'From: shop@example.org\r\n\r\nx' });
    expect(error).toEqual({ ...badInput, message: "Missing required header 'To'." });
  });

  it('a message without From', async () => {
    const running = await runDouble();
    const raw = 'To: buyer@example.net\r\n\r\nFrom: not-a-header@example.org\r\n';
    const error = await refusal(running, { raw, source: 'shop@example.org' });
    expect(error).toEqual({ ...badInput, message: "Missing required header 'From'." });
  });

  it('a message with two Message-IDs', async () => {
    const running = await runDouble();
    const raw = `Message-ID: <1@example.org>\r\nmessage-id: <2@example.org>\r\n${HELLO}`;
    expect(await refusal(running, { raw })).toEqual({
      ...badInput,
      message: "Duplicate header 'Message-ID'.",
    });
  });

  it.each([
    'Accept-Language: en\r\naccept-language: fr',
    'List-Unsubscribe: <https://example.org>\r\nList-Unsubscribe: <mailto:u@example.org>',
    'List-Unsubscribe-Post: a=b\r\nList-Unsubscribe-Post: a=b',
    'DKIM-Signature: v=1\r\nDKIM-Signature: v=1',
    'Content-Type: text/plain\r\nContent-Type: text/html',
    'Reply-To: a@example.org\r\nReply-To: b@example.org',
  ])('a field that may stand once, twice: %j', async (fields) => {
    const running = await runDouble();
    const { name, message } = await refusal(running, { raw: `${fields}\r\n${HELLO}` });
    expect({ name, message }).toEqual({
      name: badInput.name,
      message: expect.stringMatching(/^Duplicate header '/),
    });
  });

  it.each(['To', 'Cc', 'Reply-To', 'Sender'])('a message with an empty %s', async (field) => {
    const running = await runDouble();
    const raw = `From: shop@example.org\r\n${field}:\r\nSubject: Hello\r\n\r\nx\r\n`;
    expect(await refusal(running, { raw, to: ['buyer@example.net'] })).toEqual({
      ...badInput,
      message: `Missing required header '${field}'.`,
    });
  });

  it('a line of 1,001 characters with its CRLF, in the header or the body, and accepts 1,000', async () => {
    const running = await runDouble();
    const line = (length: number) => 'x'.repeat(length - 'X: '.length);
    const message = 'Line length exceeds 1000 characters.';
    const header = `X: ${line(999)}\r\n${HELLO}`;
    expect(await refusal(running, { raw: header })).toEqual({ ...badInput, message });
    expect(await refusal(running, { raw: `${HELLO}${'y'.repeat(999)}\r\n` })).toEqual({
      ...badInput,
      message,
    });
    await send(running, api, { raw: `X: ${line(998)}\r\n${HELLO}${'y'.repeat(998)}\r\n` });
    expect(running.double.mails).toHaveLength(1);
  });

  it('a Return-Path that is not verified', async () => {
    const running = await runDouble();
    const raw = `Return-Path: <bounces@other.example>\r\n${HELLO}`;
    const error = await refusal(running, { raw, source: 'shop@example.org', to: ['buyer@example.net'] });
    expect(error).toMatchObject({
      name: 'MessageRejected',
      message: expect.stringContaining('bounces@other.example'),
    });
  });

  it.each([
    ['a..b@example.net', 'Local address contains dot-dot'],
    ['.a@example.net', 'Local address starts with dot'],
    ['a.@example.net', 'Local address ends with dot'],
    ['buyer@[127.0.0.1]', "Invalid domain name: '[127.0.0.1]'."],
    ['büyer@example.net', 'Local address contains control or whitespace'],
    ['two words@example.net', 'Local address contains control or whitespace'],
    ['buyer@exämple.net', 'Domain contains control or whitespace'],
    ['buyer', "Missing final '@domain'"],
    ['', "Missing final '@domain'"],
    ['buyer@localhost', "Invalid domain name: 'localhost'."],
  ])('the recipient "%s", and with it the whole mail', async (recipient, message) => {
    const running = await runDouble();
    expect(await refusal(running, { to: ['fine@example.net', recipient] })).toEqual({ ...badInput, message });
  });

  it('a recipient with a non-ASCII local part in a header', async () => {
    const running = await runDouble();
    const raw = 'From: shop@example.org\r\nTo: büyer@example.net\r\n\r\nx';
    expect(await refusal(running, { raw })).toMatchObject({
      message: 'Local address contains control or whitespace',
    });
  });

  it.each([
    [{ 'delivery:id': 'x' }, 'Invalid tag name <delivery:id>'],
    [{ id: 'event:id:abc1234' }, 'Invalid tag value <event:id:abc1234>'],
    [{ id: 'a@example.org' }, 'Invalid tag value <a@example.org>'],
    [{ id: '' }, 'Invalid tag value <>'],
    [{ id: 'x'.repeat(257) }, `Invalid tag value <${'x'.repeat(257)}>`],
  ])('the tag %j', async (tags, message) => {
    const running = await runDouble();
    expect(await refusal(running, { tags })).toEqual({
      ...badInput,
      message: `${message}: only alphanumeric ASCII characters, '_', and '-' are allowed.`,
    });
  });

  it('a From that is not verified, in the header or the envelope', async () => {
    const running = await runDouble();
    const text =
      'Email address is not verified. The following identities failed the check in region EU-WEST-1:';
    const rejected = { name: 'MessageRejected', status: 400 };
    const raw = 'From: a@other.example\r\nTo: buyer@example.net\r\n\r\nx';
    expect(await refusal(running, { raw })).toEqual({ ...rejected, message: `${text} a@other.example` });
    expect(await refusal(running, { source: 'b@notexample.org' })).toEqual({
      ...rejected,
      message: `${text} b@notexample.org`,
    });
    expect(await refusal(running, { raw, source: 'b@other.example' })).toEqual({
      ...rejected,
      message: `${text} b@other.example, a@other.example`,
    });
  });

  it('an unknown configuration set', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    expect(await refusal(running, { configurationSet: 'mial' })).toEqual({
      ...unknownSet,
      message: 'Configuration set <mial> does not exist.',
    });
  });

  it('everything while sending is paused, and accepts it after', async () => {
    const running = await runDouble();
    running.double.account.sendingEnabled = false;
    expect(await refusal(running, {})).toMatchObject(paused);
    running.double.account.sendingEnabled = true;
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });

  it('what is sent through a paused configuration set', async () => {
    const running = await runDouble({ configurationSets: ['mail', 'other'] });
    running.double.account.configurationSets.set('mail', { sendingEnabled: false });
    expect(await refusal(running, { configurationSet: 'mail' })).toMatchObject(setPaused);
    await send(running, api, { configurationSet: 'other' });
    expect(running.double.mails).toHaveLength(1);
  });

  it('everything if AWS has shut the account down', async () => {
    const running = await runDouble();
    running.double.account.enforcementStatus = 'SHUTDOWN';
    const error = await refusal(running, {});
    expect(error).toMatchObject({ name: 'MessageRejected', status: 400 });
    expect(error.message).toMatch(/^Sending paused for this account\./);
  });
});

describe('the size of a message', () => {
  // Its base64 has a plus sign in each four characters: without one for megabytes, the SDK's encoder for v1
  // runs out of stack.
  const withSize = (bytes: number): Buffer =>
    Buffer.concat([Buffer.from(HELLO), Buffer.alloc(bytes - HELLO.length, `${'>'.repeat(996)}\r\n`)]);

  it('may not be over 10 MB by v1', async () => {
    const running = await runDouble();
    expect(await errorOf(send(running, 'v1', { raw: withSize(10_485_761) }))).toEqual({
      name: 'InvalidParameterValue',
      message: "Message length is more than 10485760 bytes long: '10485761'.",
      status: 400,
    });
  });

  it('may not be over 40 MB by v2', async () => {
    const running = await runDouble();
    expect(await errorOf(send(running, 'v2', { raw: withSize(40_000_001) }))).toEqual({
      name: 'BadRequestException',
      message: "Message length is more than 40000000 bytes long: '40000001'.",
      status: 400,
    });
    await send(running, 'v2', { raw: withSize(40_000_000) });
    expect(running.double.mails).toHaveLength(1);
  });
});
