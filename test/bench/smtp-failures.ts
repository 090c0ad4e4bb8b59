/**
 * Stages every SMTP failure against a mailer with its default time limits, and prints how each is classed and how
 * long it took until the queue had the mail. Takes two minutes: a server that trickles is given up after that.
 */
import { type SqsAndS3, startSqsAndS3 } from '../../lib/local/aws/sqs-and-s3.ts';
import { startSmtpDouble } from '../../lib/local/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import { STAGED_FAILURES, type StagedFailure } from '../support/smtp-failures.ts';

interface Measured {
  readonly staged: StagedFailure;
  readonly class: string;
  readonly phase: string;
  readonly handedOverMs: number;
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
    fallback: {
      queueUrl: aws.fallback.url,
      payloadBucket: aws.bucket,
      ...aws.credentials,
      sqsEndpoint: aws.endpoint,
      s3Endpoint: aws.endpoint,
    },
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
process.stderr.write(`staging ${STAGED_FAILURES.length} failures at once; the slowest takes 120 s\n`);
const measured = await Promise.all(STAGED_FAILURES.map((staged) => measure(staged, aws)));
await aws.close();

console.log('| failure | class | phase | handed over in |\n| --- | --- | --- | ---: |');
for (const { staged, handedOverMs, ...seen } of measured) {
  const wrong = seen.class === staged.class && seen.phase === staged.phase ? '' : ' (expected otherwise)';
  console.log(`| ${staged.name} | \`${seen.class}\`${wrong} | ${seen.phase} | ${handedOverMs} ms |`);
}
