import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { classifySesError } from '../../lib/adapters/ses/classify-ses-error.ts';
import { STALLS, startStallingServer } from '../support/stalling-server.ts';
import {
  LAMBDA_ENVIRONMENT,
  type ServiceDouble,
  type Side,
  setEnvironment,
  startServiceDouble,
  THE_SDK,
  THE_STAND_IN,
} from './both-clients.ts';

const answer =
  (status: number, body: string) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);

const OK = answer(200, '{"Attributes":{}}');
const BROKEN = answer(500, '{"__type":"com.amazonaws.sqs#InternalError"}');
const UNAVAILABLE = answer(503, '{"__type":"com.amazonaws.sqs#ServiceUnavailable"}');
const THROTTLED = answer(400, '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}');
const REFUSED = answer(400, '{"__type":"com.amazonaws.sqs#InvalidAddress","message":"no such address"}');
const NOT_IMPLEMENTED = answer(501, '{"__type":"com.amazonaws.sqs#UnsupportedOperation","message":"no"}');
const reset = (response: ServerResponse): void => void response.destroy();
const breakOff = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('{"Attr', () => response.destroy());
};

let double: ServiceDouble;
let restoreEnvironment: () => void;

beforeEach(async () => {
  double = await startServiceDouble();
  restoreEnvironment = setEnvironment({ ...LAMBDA_ENVIRONMENT, AWS_ENDPOINT_URL: double.url });
});
afterEach(async () => {
  restoreEnvironment();
  await double.close();
});

async function callSqs(side: Side, maxAttempts = 3, abortSignal?: AbortSignal) {
  const client = side.open('sqs', { maxAttempts, requestHandler: { connectionTimeout: 2_000 } });
  const seen = double.requests.length;
  const command = side.command('sqs', 'GetQueueAttributes', { QueueUrl: 'https://sqs.example.org/1/q' });
  try {
    await client.send(command, abortSignal === undefined ? {} : { abortSignal });
    return { ok: true, attempts: double.requests.length - seen };
  } catch (thrown) {
    const error = thrown as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
    return {
      ok: false,
      attempts: double.requests.length - seen,
      name: error.name,
      code: error.code,
      status: error.$metadata?.httpStatusCode,
    };
  } finally {
    client.destroy();
  }
}

describe.each([THE_SDK, THE_STAND_IN])('by $name, a call', (side) => {
  it.each([
    ['an internal error', [BROKEN, BROKEN, OK]],
    ['an outage', [UNAVAILABLE, UNAVAILABLE, OK]],
    ['throttling', [THROTTLED, OK]],
    ['a connection that is reset', [reset, reset, OK]],
  ])('is tried again after %s', async (_, answers) => {
    const attempts = answers.length;
    double.answers = answers;
    expect(await callSqs(side)).toEqual({ ok: true, attempts });
  });

  it('fails with what the last attempt met', async () => {
    double.answers = [BROKEN, UNAVAILABLE];
    expect(await callSqs(side)).toMatchObject({
      ok: false,
      attempts: 3,
      name: 'ServiceUnavailable',
      status: 503,
    });
  });

  it.each([
    ['a refusal', REFUSED, 'InvalidAddress', 400],
    ['what the service cannot do', NOT_IMPLEMENTED, 'UnsupportedOperation', 501],
  ])('is not tried again after %s', async (_, refusal, name, status) => {
    double.answers = [refusal];
    expect(await callSqs(side)).toMatchObject({ ok: false, attempts: 1, name, status });
  });

  it.each([
    ['an internal error', BROKEN],
    ['throttling', THROTTLED],
    ['a connection that is reset', reset],
  ])('is tried once after %s where more than one attempt could send a mail twice', async (_, fault) => {
    double.answers = [fault];
    expect(await callSqs(side, 1)).toMatchObject({ ok: false, attempts: 1 });
  });

  it('names the error of a connection that is refused', async () => {
    await double.close();
    const refused = await callSqs(side, 1);
    double = await startServiceDouble();
    expect(refused).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
  });

  it('fails as one whose response was lost if the response breaks off', async () => {
    double.answers = [breakOff];
    const { name = '', status } = await callSqs(side, 1);
    expect(classifySesError(name, '', status)).toMatchObject({ kind: 'retry', answerLost: true });
  });

  it('sends what lets Lambda notice a function that feeds itself', async () => {
    const trace = 'Root=1-5e1b4151-43a0913a12345678901234567;Parent=1234567890123456;Sampled=0';
    Object.assign(process.env, { AWS_LAMBDA_FUNCTION_NAME: 'resend', _X_AMZN_TRACE_ID: trace });
    double.answers = [OK];
    await callSqs(side);
    expect(double.requests.at(-1)?.headers['x-amzn-trace-id']).toBe(trace);
  });
});

describe('a call by the stand-in', () => {
  it.each(STALLS)('ends with its signal if the response %s', async (stall) => {
    const server = await startStallingServer(stall);
    try {
      Object.assign(process.env, { AWS_ENDPOINT_URL: server.url });
      const abandoned = server.abandoned({ signal: AbortSignal.timeout(10_000) });
      const failed = await callSqs(THE_STAND_IN, 3, AbortSignal.timeout(200));
      expect(failed).toMatchObject({ ok: false, name: 'AbortError' });
      await abandoned;
    } finally {
      await server.close();
    }
  });

  it('ends with its signal while it waits to try again', async () => {
    const end = new AbortController();
    double.answers = [BROKEN];
    const failed = callSqs(THE_STAND_IN, 1_000, end.signal);
    await double.asked(5);
    end.abort();
    expect(await failed).toMatchObject({ ok: false, name: 'AbortError' });
  });

  it('names the status of what is no response of a service', async () => {
    double.answers = [answer(502, '<html>Bad gateway</html>')];
    expect(await callSqs(THE_STAND_IN, 1)).toMatchObject({ name: 'UnknownError', status: 502 });
  });

  it.each(['AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])('needs %s', (name) => {
    delete process.env[name];
    expect(() => THE_STAND_IN.open('sqs')).toThrow(`${name} is not set`);
  });

  it('takes the endpoint of its own service, and signs for the Region', async () => {
    delete process.env.AWS_ENDPOINT_URL;
    Object.assign(process.env, { AWS_ENDPOINT_URL_SQS: double.url, AWS_REGION: 'eu-central-1' });
    double.answers = [OK];
    expect(await callSqs(THE_STAND_IN)).toMatchObject({ ok: true });
    expect(double.requests[0]?.headers.authorization).toContain('/eu-central-1/sqs/aws4_request');
  });
});
