/**
 * Runs every SMTP failure against a mailer with its default timeouts, and prints how each is classified and
 * how long the mail took to reach the queue. Takes half a minute: the socket inactivity timeout.
 */
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { fallbackSettingsFor } from '../support/fallback-settings-for.ts';
import { STAGED_FAILURES, type StagedFailure } from '../support/smtp-failures.ts';

interface Measured {
  readonly staged: StagedFailure;
  readonly class: string;
  readonly phase: string;
  readonly handedOverMs: number;
}

/** The first mail of a process is slow because the code is not compiled yet. */
const WARM_UP: StagedFailure = {
  name: 'warm-up',
  behaviours: [{ kind: 'refused' }],
  class: 'unreachable',
  phase: 'connect',
};

/** Whether it ends with a timeout: these run in parallel, the others one after another. */
function waits({ behaviours }: StagedFailure): boolean {
  return behaviours.some(
    (behaviour) =>
      ['blackhole', 'slow'].includes(behaviour.kind) || ('by' in behaviour && behaviour.by === 'stall'),
  );
}

async function measure(staged: StagedFailure, aws: SqsAndS3): Promise<Measured> {
  const double = await startSmtpDouble();
  await double.behave(...staged.behaviours);
  const { auth = false, requireTls = false, trustCertificate = false } = staged.smtp ?? {};
  const mailer = createMailer({
    smtp: {
      host: double.host,
      port: double.port,
      requireTls,
      ...(auth ? { user: 'api', password: 'wrong' } : {}),
      ...(trustCertificate ? { tlsCa: double.certificatePem } : {}),
    },
    fallback: fallbackSettingsFor(aws),
  });
  const text = 'On its way. '.repeat(20);
  const mail = { from: 'support@keybuzz.io', to: 'marie@example.org', subject: 'Order', text };
  const started = performance.now();
  const outcome = await mailer.send(mail);
  const handedOverMs = Math.round(performance.now() - started);
  await mailer.close();
  await double.close();
  if (outcome.kind !== 'handed-over') throw new Error(`${staged.name}: ${outcome.kind}`);
  const { failure } = outcome.handOver;
  return { staged, class: failure.class, phase: failure.phase, handedOverMs };
}

const aws = await startSqsAndS3({ visibilitySeconds: 30 });
process.stderr.write(`staging ${STAGED_FAILURES.length} failures; the slowest take 30 s\n`);
await measure(WARM_UP, aws);
const patient = Promise.all(STAGED_FAILURES.filter(waits).map((staged) => measure(staged, aws)));
const quick: Measured[] = [];
for (const staged of STAGED_FAILURES.filter((one) => !waits(one))) quick.push(await measure(staged, aws));
const measured = [...quick, ...(await patient)];
await aws.close();

console.log('| failure | class | phase | handed over in |\n| --- | --- | --- | ---: |');
for (const { staged, handedOverMs, ...seen } of measured) {
  const wrong = seen.class === staged.class && seen.phase === staged.phase ? '' : ' (expected otherwise)';
  console.log(`| ${staged.name} | \`${seen.class}\`${wrong} | ${seen.phase} | ${handedOverMs} ms |`);
}
