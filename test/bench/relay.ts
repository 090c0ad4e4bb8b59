/**
 * Mails a second by Postfix' `smtp-source`: in front of a Postfix against the same Postfix without the relay, and behind
 * it (to an emulated SQS) against Postfix' bare `smtp-sink`. Then the relay's memory with 200 clients that are idle, and
 * with 200 that stand still within a mail. Needs root and Debian's package `postfix`.
 *
 *   npm run bench:relay -- [mails]
 */
import { execFile, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { freePort, startPostfix } from '../support/postfix.ts';
import { RawSmtpClient } from '../support/relay-bench.ts';
import { RelayProcess } from '../support/relay-process.ts';

const MAILS = Number(process.argv[2] ?? 3_000);
const SESSIONS = 20;
const CLIENTS = 200;
const ROUNDS = 3;

/** A mail has 4 KB. */
async function mailsASecond(port: number): Promise<number> {
  const began = performance.now();
  const options = ['-4', '-s', String(SESSIONS), '-m', String(MAILS), '-l', '4096', '-N'];
  const addresses = ['-f', 'shop@keybuzz.io', '-t', 'marie@example.org'];
  // Several mails in a session, as a mail server sends them.
  await promisify(execFile)('smtp-source', [...options, '-d', ...addresses, `127.0.0.1:${port}`]);
  return Math.round((MAILS * 1000) / (performance.now() - began));
}

/** One after the other, so that a busy machine does not favour one of them; the best of each counts. */
async function compare(ports: readonly number[]): Promise<number[]> {
  const best = ports.map(() => 0);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, port] of ports.entries()) best[at] = Math.max(best[at] ?? 0, await mailsASecond(port));
  return best;
}

const ratio = ([one = 0, other = 1]: readonly number[]) => (one / other).toFixed(2);

const aws = await startSqsAndS3({ visibilitySeconds: 600 });
const postfix = await startPostfix({
  relayPort: 9,
  discard: true,
  settings: { default_process_limit: '100' },
});
const front = await RelayProcess.start(aws, {
  RELAY_UPSTREAM_HOST: postfix.host,
  RELAY_UPSTREAM_PORT: String(postfix.port),
  RELAY_UPSTREAM_MAX_CONNECTIONS: String(SESSIONS),
});
const inFront = await compare([front.port, postfix.port]);
console.log(
  `in front of Postfix: ${inFront[0]} mails a second, Postfix alone ${inFront[1]}, ratio ${ratio(inFront)}`,
);
await front.stop();
postfix.remove();

const sinkPort = await freePort();
const sink = spawn('smtp-sink', ['-4', '-u', 'postfix', `127.0.0.1:${sinkPort}`, '100'], { stdio: 'ignore' });
await delay(500);
const behind = await RelayProcess.start(aws);
const compared = await compare([behind.port, sinkPort]);
console.log(
  `behind a mail server: ${compared[0]} mails a second into SQS, bare smtp-sink ${compared[1]}, ratio ${ratio(compared)}`,
);
sink.kill();
await behind.stop();

const relay = await RelayProcess.start(aws);
await delay(1_000);
const atRest = relay.residentMegabytes;
const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawSmtpClient.connect(relay.port)));
await delay(1_000);
const idle = relay.residentMegabytes;
for (const client of clients) {
  await client.say('EHLO x');
  await client.say('MAIL FROM:<shop@keybuzz.io>');
  await client.say('RCPT TO:<marie@example.org>');
  await client.say('DATA');
  client.write(`From: shop@keybuzz.io\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(50));
}
await delay(1_000);
console.log(
  `memory in use: ${atRest} MB at rest, ${idle} MB with ${CLIENTS} idle clients, ${relay.residentMegabytes} MB with ${CLIENTS} that stand still within a mail`,
);
for (const client of clients) client.end();
await relay.stop();
await aws.close();
