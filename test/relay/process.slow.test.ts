import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { RawSmtpClient } from '../support/relay-bench.ts';
import { RelayProcess } from '../support/relay-process.ts';

const RELAY = fileURLToPath(new URL('../../bin/smtp-relay.ts', import.meta.url));
const MESSAGE =
  'From: Shop <shop@keybuzz.io>\r\nSubject: Order\r\nMessage-ID: <order-1@keybuzz.io>\r\n\r\nOn its way.\r\n';

let aws: SqsAndS3;
let relay: RelayProcess | undefined;

beforeAll(async () => {
  aws = await startSqsAndS3({ visibilitySeconds: 30 });
});

afterEach(async () => {
  await relay?.kill();
  relay = undefined;
});

afterAll(() => aws.close());

function run(args: readonly string[], env: Record<string, string>) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [RELAY, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe('the process of the relay', () => {
  it('reports that it is ready, and counts; at SIGTERM it answers for the mail in progress', async () => {
    relay = await RelayProcess.start(aws);
    const get = (path: string) => fetch(`http://127.0.0.1:${relay?.httpPort}${path}`);
    const client = await RawSmtpClient.connect(relay.port);
    expect(
      await client.send({ from: 'shop@keybuzz.io', to: ['marie@example.org'] }, `${MESSAGE}.\r\n`),
    ).toMatch(/^250 /);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect(await (await get('/metrics')).text()).toMatch(/^relay_\w+(?:\{[^}]*\})? 1$/m);
    await client.say('MAIL FROM:<shop@keybuzz.io>');
    await client.say('RCPT TO:<paul@example.org>');
    expect(await client.say('DATA')).toMatch(/^354 /);
    client.write(MESSAGE.replace('order-1', 'order-2'));
    const idle = await RawSmtpClient.connect(relay.port);

    const stopped = relay.stop();

    // An idle client hears that it drains: the signal has arrived.
    expect(await idle.reply()).toMatch(/^421 /);
    expect((await get('/readyz')).status).toBe(503);
    client.write('.\r\n');
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: \S+ handed over/);
    expect(await stopped).toBe(0);
    expect((await takeEnvelopes(aws)).flatMap(({ envelope }) => envelope.to).sort()).toEqual([
      'marie@example.org',
      'paul@example.org',
    ]);
  });

  it('exits with 2 for wrong settings, and names all of them', async () => {
    const { code, stderr } = await run([], { RELAY_NETWORKS: '0.0.0.0/0' });

    expect(code).toBe(2);
    for (const name of ['MAIL_DOMAIN', 'FALLBACK_QUEUE_URL', 'PAYLOAD_BUCKET', 'RELAY_NETWORKS'])
      expect(stderr).toContain(name);
  });

  it('exits with 1 if there is no certificate where it is to be, and is never ready', async () => {
    const started = RelayProcess.start(aws, {
      RELAY_TLS_CERT_FILE: '/nowhere/tls.crt',
      RELAY_TLS_KEY_FILE: '/nowhere/tls.key',
    });

    await expect(started).rejects.toThrow('the relay ended with 1');
  });

  it('exits with 2 and prints the help for an unknown command', async () => {
    const { code, stderr } = await run(['start'], {});

    expect(code).toBe(2);
    expect(stderr).toContain('there is no command start');
    expect(stderr).toContain('smtp-relay --help');
  });
});
