import { request } from 'node:http';
import { ListIdentitiesCommand, SESClient } from '@aws-sdk/client-ses';
import { ListEmailIdentitiesCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { errorOf, runDouble, send } from './running-double.ts';

const scopedTo = (region: string, service: string): string =>
  `AWS4-HMAC-SHA256 Credential=AKID/20260301/${region}/${service}/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`;

const authorization = scopedTo('eu-west-1', 'ses');

describe('credentials', () => {
  it('if missing, are reported by v1 in XML and by v2 in JSON', async () => {
    const { double } = await runDouble();
    const v1 = await fetch(double.url, { method: 'POST', body: 'Action=GetSendQuota' });
    expect([v1.status, await v1.text()]).toEqual([
      403,
      expect.stringContaining('<Code>MissingAuthenticationToken</Code>'),
    ]);
    const v2 = await fetch(`${double.url}/v2/email/account`);
    expect(v2.status).toBe(403);
    expect(v2.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
    expect(await v2.json()).toEqual({ message: 'Request is missing Authentication Token' });
  });

  it('must be for ses', async () => {
    const { double } = await runDouble();
    const headers = { authorization: scopedTo('eu-west-1', 'email') };
    const response = await fetch(double.url, { method: 'POST', headers, body: 'Action=GetSendQuota' });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('<Code>SignatureDoesNotMatch</Code>'),
    ]);
  });

  it.each(['v1', 'v2'] as const)('must be for the Region, as reported to the client of %s', async (api) => {
    const { double } = await runDouble();
    const config = {
      endpoint: double.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
    };
    const elsewhere = { double, v1: new SESClient(config), v2: new SESv2Client(config) };
    expect(await errorOf(send(elsewhere, api))).toEqual({
      name: api === 'v1' ? 'SignatureDoesNotMatch' : 'InvalidSignatureException',
      message: "Credential should be scoped to a valid region, not 'us-east-1'.",
      status: 403,
    });
    expect(double.mails).toHaveLength(0);
  });
});

describe('what the double does not support', () => {
  it('is rejected at once by v1', async () => {
    const { v1 } = await runDouble();
    expect(await errorOf(v1.send(new ListIdentitiesCommand({})))).toEqual({
      name: 'InvalidAction',
      message: 'Could not find operation ListIdentities for version 2010-12-01',
      status: 400,
    });
  });

  it('is rejected at once by v2', async () => {
    const { v2 } = await runDouble();
    expect(await errorOf(v2.send(new ListEmailIdentitiesCommand({})))).toMatchObject({
      name: 'UnknownOperationException',
      status: 404,
    });
  });

  it.each(['/', '/v2/', '/v2/email/outbound-emails', '/anything?x=1'])(
    'is an error for GET %s',
    async (path) => {
      const { double } = await runDouble();
      const response = await fetch(double.url + path, { headers: { authorization } });
      expect(response.status).toBeGreaterThanOrEqual(400);
    },
  );

  it.each(['', '{', '{}', '{"Content":{"Simple":{}}}'])('includes the v2 body %j', async (body) => {
    const { double } = await runDouble();
    const url = `${double.url}/v2/email/outbound-emails`;
    const response = await fetch(url, { method: 'POST', headers: { authorization }, body });
    expect(response.status).toBe(400);
    expect(response.headers.get('x-amzn-errortype')).toMatch(/BadRequestException|SerializationException/);
  });

  it('includes a v1 send without a message', async () => {
    const { double } = await runDouble();
    const body = 'Action=SendRawEmail&Version=2010-12-01';
    const response = await fetch(double.url, { method: 'POST', headers: { authorization }, body });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('<Code>ValidationError</Code>'),
    ]);
  });
});

describe('a request', () => {
  it.each(['/', '/v2/email/outbound-emails'])('of more than 60 MB gets 413 from %s', async (path) => {
    const { double } = await runDouble();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const upload = request(double.url + path, { method: 'POST', headers: { authorization } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      upload.on('error', reject);
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      for (let megabytes = 0; megabytes <= 60; megabytes += 1) upload.write(chunk);
      upload.end();
    });
    expect(status).toBe(413);
  });

  it('aborted by its client sends nothing, and the next one is served', async () => {
    const running = await runDouble();
    await new Promise<void>((resolve) => {
      const headers = { authorization, 'content-length': '100' };
      const upload = request(running.double.url, { method: 'POST', headers });
      upload.on('error', () => resolve());
      upload.write('Action=SendRawEmail', () => upload.destroy());
      upload.on('close', () => resolve());
    });
    await send(running, 'v1');
    expect(running.double.mails).toHaveLength(1);
    expect(running.double.calls).toHaveLength(1);
  });
});
