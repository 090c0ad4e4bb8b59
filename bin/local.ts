import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DemoListener, type DemoResult, renderDemo, runDemo } from '../lib/emulators/demo/demo.ts';
import { type LocalPipeline, startLocalPipeline } from '../lib/emulators/pipeline.ts';

const HELP = `The whole mail pipeline on this machine, without an AWS account.

  npm start                   tells the story of a few mails, then stays up until Ctrl-C
  npm start -- --exit         ends after the story: 0 if every mail came to the end it should; 1 if not
  npm start -- --exit --json  the same, as JSON on standard output
  npm start -- --dir DIR      writes the mails and the logs there (default: a new temporary folder)
  npm start -- --help         this text

DATABASE_URL, or PGHOST and its kin, name another PostgreSQL to use than the embedded one; it is
migrated, and the story's rows stay in it.
`;

const OPTIONS = {
  exit: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  dir: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Progress goes to standard error, so that standard output has only the result. */
const say = (text: string) => process.stderr.write(`${text}\n`);

/** Reads the same variables as libpq's tools; undefined if no server is given. */
function databaseUrl({ DATABASE_URL, PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE }: NodeJS.ProcessEnv) {
  if (DATABASE_URL !== undefined || PGHOST === undefined) return DATABASE_URL;
  const url = new URL(`postgresql://${PGHOST}:${PGPORT ?? 5432}/${PGDATABASE ?? PGUSER ?? 'postgres'}`);
  url.username = PGUSER ?? 'postgres';
  url.password = PGPASSWORD ?? '';
  return url.href;
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
    return undefined;
  }
}

const listener: DemoListener = {
  scene: (title) => say(`\n${title}`),
  mail: ({ id, row, arrivals, verdict, asItShould }) => {
    const routes = arrivals.map(({ route }) => route.toUpperCase()).join(' and ');
    const outcome = row?.attempts.at(-1)?.outcome ?? 'not settled';
    const reason = row?.lastError == null ? '' : `: ${row.lastError}`;
    say(`  ${id}: ${outcome}${routes === '' ? '' : `, out by ${routes}`}: ${verdict}`);
    say(`    the row says ${row?.status ?? 'nothing'}${reason}${asItShould ? '' : ' (it should not)'}`);
  },
};

function asJson(results: readonly DemoResult[]): string {
  const mails = results.map(({ arrivals, ...result }) => ({
    ...result,
    arrivals: arrivals.map(({ route, recipients, raw, sesMessageId }) => ({
      route,
      recipients,
      bytes: raw.length,
      sesMessageId,
    })),
  }));
  return JSON.stringify({ mails }, null, 2);
}

function addresses({ databaseUrl, smtp, services, worker, directory }: LocalPipeline): string {
  const { aws, dynamoDb, ses, receipts } = services;
  return `Still up, to play with (Ctrl-C ends it):

  PostgreSQL      ${databaseUrl}
  worker          ${worker.healthUrl}/readyz and /metrics
  SMTP            ${smtp.host}:${smtp.port}   (STARTTLS, certificate made for this run)
  SQS and S3      ${aws.endpoint}
    fallback      ${aws.fallback.url}
    dead letters  ${aws.deadLetters.url}
    receipts      ${receipts.url}
    payloads      s3://${aws.bucket}
  DynamoDB        ${dynamoDb.endpoint}
    ledger        ${dynamoDb.ledgerTable}
    suppression   ${dynamoDb.suppressionTable}
  SES             ${ses.url}   (v1 and v2)
  mails and logs  ${directory}

Ask for a mail as the API does:

  psql '${databaseUrl}' -c "INSERT INTO outbound_deliveries
    (id, tenant_id, provider, status, attempt_count, created_at, target_address, delivery_trace)
    VALUES ('my-mail', 'shop-a', 'smtp', 'queued', 0, now(), 'marie@example.org',
    '{"fromAddress": "support@keybuzz.io", "emailSubject": "Hello", "emailBody": "Hi."}')"

Put an envelope into the queue, and see it come out at SES:

  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws sqs send-message --region ${aws.region} \\
    --endpoint-url ${aws.endpoint} --queue-url ${aws.fallback.url} \\
    --message-body file://docs/contract/examples/mime.json`;
}

async function stayUp(pipeline: LocalPipeline): Promise<void> {
  say(addresses(pipeline));
  pipeline.smtp.subscribe(({ to }) => say(`SMTP took a mail for ${to.length}`));
  pipeline.services.ses.subscribeToEvents(({ eventType, mail }) =>
    say(`SES tells of ${mail.tags.deliveryId?.[0] ?? 'a mail'}: ${eventType}`),
  );
  pipeline.services.ses.subscribe(({ sesMessageId, recipients, tags }) =>
    say(`SES took ${tags.deliveryId ?? 'a mail'} for ${recipients.length} as ${sesMessageId}`),
  );
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  say('\nstopping');
}

async function run(): Promise<number> {
  const values = readArguments();
  if (values === undefined) return 2;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const directory = values.dir ?? (await mkdtemp(join(tmpdir(), 'mail-pipeline-')));
  say('starting PostgreSQL, the worker, SMTP, SQS, S3, SNS, DynamoDB, SES and the Lambdas on 127.0.0.1');
  const pipeline = await startLocalPipeline({ directory, databaseUrl: databaseUrl(process.env) });
  try {
    const results = await runDemo(pipeline, listener);
    const expected = results.filter(({ asItShould }) => asItShould).length;
    process.stdout.write(`${values.json ? asJson(results) : renderDemo(results, directory)}\n`);
    say(
      `${expected} of ${results.length} mails came to the end they should; mails and logs in ${directory}\n`,
    );
    if (!values.exit) await stayUp(pipeline);
    return expected === results.length ? 0 : 1;
  } finally {
    await pipeline.close();
  }
}

process.exitCode = await run();
