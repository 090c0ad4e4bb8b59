import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { createSmtpRelay, type SmtpRelay } from '../../lib/relay/create-relay.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { relaySettingsFor } from '../support/relay-bench.ts';

const FROM = 'shop@keybuzz.io';
const TO = 'marie@example.org';

/** Each sends one mail to the port that is its last argument, and ends with 0 only if it was taken. */
const CLIENTS: readonly (readonly [program: string, command: (port: number) => string])[] = [
  ['swaks', (port) => `swaks --server 127.0.0.1 --port ${port} --from ${FROM} --to ${TO} --silent 2`],
  [
    'msmtp',
    (port) =>
      `printf 'From: ${FROM}\\nTo: ${TO}\\nSubject: x\\n\\nHi.\\n' | msmtp --file=/dev/null --host=127.0.0.1 --port=${port} --from=${FROM} ${TO}`,
  ],
  [
    'python3',
    (port) =>
      `python3 -c "import smtplib; s = smtplib.SMTP('127.0.0.1', ${port}); s.sendmail('${FROM}', ['${TO}'], 'From: ${FROM}\\nSubject: x\\n\\nHi.'); s.quit()"`,
  ],
  [
    'php',
    (port) =>
      `php -d 'sendmail_path="msmtp --file=/dev/null --host=127.0.0.1 --port=${port} --from=${FROM} -t"' -r 'exit(mail("${TO}", "x", "Hi.\\n", "From: ${FROM}") ? 0 : 1);'`,
  ],
];

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program === 'php' ? 'php && command -v msmtp' : program}`]);
    return true;
  } catch {
    return false;
  }
}

describe('a client in another language', () => {
  let aws: SqsAndS3;
  let relay: SmtpRelay;
  let port: number;

  beforeAll(async () => {
    aws = await startSqsAndS3({ visibilitySeconds: 30 });
    relay = createSmtpRelay(relaySettingsFor(aws));
    ({ port } = await relay.start());
  });
  afterAll(async () => {
    await relay.drain(500);
    await aws.close();
  });

  for (const [program, command] of CLIENTS) {
    const found = isInstalled(program);
    if (process.env.CI === 'true' && !found) throw new Error(`CI has no ${program}`);
    if (!found) console.warn(`Skipped: ${program} is not installed.`);

    (found ? it : it.skip)(`is ${program}, and hears of a refusal`, async () => {
      const run = (line: string) => promisify(execFile)('sh', ['-c', line]);

      await run(command(port));

      const [message, ...others] = await takeEnvelopes(aws);
      expect(others).toEqual([]);
      expect(message?.envelope).toEqual({ from: FROM, to: [TO] });
      await expect(run(command(port).replaceAll('keybuzz.io', 'example.com'))).rejects.toThrow();
      expect(await takeEnvelopes(aws)).toEqual([]);
    });
  }
});
