/**
 * Many mails by a client that keeps what is not answered with 250, through a relay that is killed with SIGKILL every three
 * seconds and started again on its port, to a mail server that fails in a different way every two seconds. Afterwards every
 * mail that was answered with 250 must be at the mail server or in the queue, and a mail that came out twice must have a
 * reason. Prints the counts; exits with 1 otherwise.
 *
 *   npm run chaos:relay -- [mails]
 */
import { setTimeout as delay } from 'node:timers/promises';
import nodemailer from 'nodemailer';
import { startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { SmtpBehaviour } from '../../lib/emulators/smtp/smtp-behaviour.ts';
import { startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { freePort } from '../support/postfix.ts';
import { takeEnvelopes } from '../support/queue-contents.ts';
import { mimeOf } from '../support/relay-bench.ts';
import { RelayProcess } from '../support/relay-process.ts';

const MAILS = Number(process.argv[2] ?? 20_000);
const CLIENTS = 20;
const FLAP_MS = 2_000;
const KILL_MS = 3_000;

/** One after another, each between two healthy periods. */
const FAILURES: readonly (readonly SmtpBehaviour[])[] = [
  [{ kind: 'refused' }],
  [{ kind: 'break', at: 'final-dot', by: 'reset' }],
  [{ kind: 'blackhole' }],
  [{ kind: 'break', at: 'body', by: 'reset' }],
  [{ kind: 'final-reply', reply: '451 4.3.0 Try again later' }],
  [{ kind: 'relay-denied' }],
];

const aws = await startSqsAndS3({ visibilitySeconds: 600 });
const smtp = await startSmtpDouble();
const port = await freePort();
const over = new AbortController();
const start = () =>
  RelayProcess.start(aws, {
    RELAY_PORT: String(port),
    RELAY_UPSTREAM_HOST: smtp.host,
    RELAY_UPSTREAM_PORT: String(smtp.port),
    RELAY_UPSTREAM_TLS_REJECT_UNAUTHORIZED: 'false',
    RELAY_UPSTREAM_MAX_CONNECTIONS: '10',
    RELAY_UPSTREAM_SOCKET_TIMEOUT_MS: '2000',
    RELAY_UPSTREAM_GREETING_TIMEOUT_MS: '1000',
    RELAY_UPSTREAM_BREAKER_PROBE_INTERVAL_MS: '500',
  });

/** Tries of each mail that ended without a 250: the relay may have had it. */
const triedAgain = new Map<string, number>();

async function sendAll(): Promise<void> {
  let next = 0;
  const client = async () => {
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      port,
      pool: true,
      maxConnections: 1,
      greetingTimeout: 2_000,
      socketTimeout: 30_000,
    });
    while (next < MAILS) {
      const id = `m${next}`;
      next += 1;
      const mail = {
        from: 'shop@keybuzz.io',
        to: 'marie@example.org',
        subject: id,
        text: 'x'.repeat(500),
        messageId: `<${id}@keybuzz.io>`,
        date: new Date(0),
      };
      // As any mail server: until it is answered with 250.
      while (
        !(await transport.sendMail(mail).then(
          () => true,
          () => false,
        ))
      ) {
        triedAgain.set(id, (triedAgain.get(id) ?? 0) + 1);
        await delay(50);
      }
    }
    transport.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function flap(): Promise<void> {
  for (let failures = 0; !over.signal.aborted; failures += 1) {
    await smtp.behave({ kind: 'healthy' });
    await delay(FLAP_MS, undefined, { signal: over.signal }).catch(() => {});
    await smtp.behave(...(FAILURES[failures % FAILURES.length] ?? []));
    await delay(FLAP_MS, undefined, { signal: over.signal }).catch(() => {});
  }
}

async function killAgainAndAgain(first: RelayProcess): Promise<number> {
  let relay = first;
  for (let kills = 0; ; kills += 1) {
    await delay(KILL_MS, undefined, { signal: over.signal }).catch(() => {});
    if (over.signal.aborted) {
      await relay.stop();
      return kills;
    }
    await relay.kill();
    relay = await start();
  }
}

const began = performance.now();
const relay = await start();
const flapping = flap();
const killing = killAgainAndAgain(relay);
await sendAll();
over.abort();
const [kills] = await Promise.all([killing, flapping]);
const seconds = Math.round((performance.now() - began) / 1000);

const subjectOf = (mime: string) => /^Subject: (\S+)/m.exec(mime)?.[1] ?? '';
const countsOf = (subjects: readonly string[]) => {
  const counts = new Map<string, number>();
  for (const subject of subjects) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  return counts;
};
const taken = countsOf(smtp.mails.map(({ raw }) => subjectOf(raw.toString('latin1'))));
const unanswered = countsOf(smtp.unanswered.map(({ raw }) => subjectOf(raw.toString('latin1'))));
const queue = await takeEnvelopes(aws);
// The ledger sends the same id with the same bytes once.
const queuedIds = new Map<string, Set<string>>();
for (const message of queue) {
  const subject = subjectOf(mimeOf(message).toString('latin1'));
  queuedIds.set(subject, (queuedIds.get(subject) ?? new Set()).add(message.id));
}
const twice = { 'the client tried again': 0, "the mail server's reply was lost": 0, unexplained: 0 };
let lost = 0;
for (let at = 0; at < MAILS; at += 1) {
  const id = `m${at}`;
  const bySmtp = taken.get(id) ?? 0;
  const byQueue = queuedIds.get(id)?.size ?? 0;
  if (bySmtp + byQueue === 0) lost += 1;
  const sends = bySmtp + byQueue + (unanswered.get(id) ?? 0);
  if (sends < 2) continue;
  if (triedAgain.has(id)) twice['the client tried again'] += 1;
  else if (unanswered.has(id)) twice["the mail server's reply was lost"] += 1;
  else twice.unexplained += 1;
}
console.log(
  `mails ${MAILS} in ${seconds} s, ${kills} kills; at the mail server ${smtp.mails.length}, without its reply ${smtp.unanswered.length}, in the queue ${queue.length} of ${queuedIds.size} mails`,
);
console.log(`lost: ${lost}`);
for (const [reason, count] of Object.entries(twice)) console.log(`came out twice, ${reason}: ${count}`);
await smtp.close();
await aws.close();
process.exit(lost + twice.unexplained === 0 ? 0 : 1);
