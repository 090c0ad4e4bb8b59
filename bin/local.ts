import { parseArgs } from 'node:util';
import { startConsole } from '../lib/console/server.ts';
import { type DemoListener, type DemoResult, runDemo } from '../lib/emulators/demo/demo.ts';
import { DemoScreen, showResult, withoutPipeline } from '../lib/emulators/demo/demo-screen.ts';
import { LocalFaults } from '../lib/emulators/demo/faults.ts';
import { DemoKeys, showFault } from '../lib/emulators/demo/keys.ts';
import { openLocalConsole } from '../lib/emulators/demo/local-console.ts';
import { writeLocalEnvironment } from '../lib/emulators/demo/local-environment.ts';
import { Play } from '../lib/emulators/demo/play.ts';
import { DEMO_ID_KEY, playRelayScenes } from '../lib/emulators/demo/relay-scenes.ts';
import { makeRunFolder, type RunFolder, removeIfEmpty } from '../lib/emulators/demo/run-folder.ts';
import { describeTrouble } from '../lib/emulators/demo/trouble.ts';
import { type LocalPipeline, startLocalPipeline } from '../lib/emulators/pipeline.ts';

const HELP = `The whole mail pipeline on this machine, without an AWS account.

  npm start                   tells the story of a few mails, then stays up until q or Ctrl-C
  npm start -- --play         stays up at once, without the story
  npm start -- --exit         ends after the story: 0 if every mail came to the end it should; 1 if not
  npm start -- --exit --json  the same, as JSON on standard output
  npm start -- --dir DIR      writes the mails and the logs there (default: a new temporary folder)
  npm start -- --help         this text

While it stays up, a console in the browser shows it: the link is printed. Keys break and repair mail-core and SES, and each mail that comes out is shown and written to
the folder. The folder's .env.local has what the README's code, mailctl and other clients need to use it.

DATABASE_URL, or PGHOST and the other PG* variables, name another PostgreSQL to use than the embedded one; it is
migrated, and the story's rows stay in it. NO_COLOR and COLUMNS are respected.

Exit codes: 0 all is well; 1 a mail did not come to the end it should; 2 it could not run.
`;

const OPTIONS = {
  exit: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  play: { type: 'boolean', default: false },
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

type Arguments = NonNullable<ReturnType<typeof readArguments>>;

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
  return `
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
`;
}

/** How to use it from another terminal, with the variables of the folder. */
function usage({ directory }: LocalPipeline, environment: string | undefined): string {
  if (environment === undefined)
    return `${directory} has an .env.local that is not ours, so none was written`;
  return `Still up, to play with. In another terminal:

  set -a; . '${environment}'; set +a
  psql "$DATABASE_URL" -c "INSERT INTO outbound_deliveries (id, tenant_id, provider, status, target_address, delivery_trace)
    VALUES ('my-mail', 'shop-a', 'smtp', 'queued', 'marie@example.org',
    '{\\"fromAddress\\": \\"support@keybuzz.io\\", \\"emailSubject\\": \\"Hello\\", \\"emailBody\\": \\"Hi.\\"}')"
  aws sqs send-message --queue-url "$FALLBACK_QUEUE_URL" --message-body file://docs/contract/examples/mime.json
  mailctl status my-mail
`;
}

async function stayUp(pipeline: LocalPipeline, screen: DemoScreen, play: Play, signal: AbortSignal) {
  const ended = new AbortController();
  screen.say(`\n${usage(pipeline, await writeLocalEnvironment(pipeline))}`);
  const faults = new LocalFaults(pipeline, (fault) => showFault(screen, fault));
  const opened = openLocalConsole(pipeline, signal, { faults, idKeys: [DEMO_ID_KEY] });
  const running = await startConsole(opened.sources, opened);
  screen.say(`  ${screen.paint('bold', 'In the browser:')} ${running.link}\n`);
  if (process.stdin.isTTY !== true) screen.say(addresses(pipeline));
  const played = play.follow(ended.signal);
  await new DemoKeys(pipeline, screen, addresses(pipeline), faults).follow(process.stdin, signal);
  ended.abort();
  await played;
  screen.say('\nstopping');
  await running.close();
  await opened.close();
}

/** Earlier runs leave their folders, since they may still be looked at. */
function tellOfFolder(screen: DemoScreen, { earlier, removed }: RunFolder): void {
  if (removed > 0) screen.say(`removed ${removed} folders of runs that are over for a week`);
  if (earlier.length > 0) screen.say(`earlier runs left folders; to remove them: rm -r ${earlier.join(' ')}`);
}

async function tellStory(pipeline: LocalPipeline, screen: DemoScreen, json: boolean): Promise<number> {
  const { directory } = pipeline;
  const listener: DemoListener = {
    scene: (title) => screen.scene(title),
    wait: (what) => screen.wait(what),
    mail: (result) => showResult(screen, result),
  };
  const results = [...(await runDemo(pipeline, listener)), ...(await playRelayScenes(pipeline, listener))];
  screen.stop();
  const expected = results.filter(({ asItShould }) => asItShould).length;
  if (json) process.stdout.write(`${asJson(results)}\n`);
  say(`\n${expected} of ${results.length} mails came to the end they should; mails and logs in ${directory}`);
  screen.say(screen.paint('bold', withoutPipeline(results)));
  return expected === results.length ? 0 : 1;
}

async function runIn(folder: RunFolder, values: Arguments, screen: DemoScreen): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  tellOfFolder(screen, folder);
  say('starting PostgreSQL, the worker, SMTP, SQS, S3, SNS, DynamoDB, SES and the Lambdas on 127.0.0.1');
  screen.wait('starting');
  let play: Play | undefined;
  const pipeline = await startLocalPipeline({
    directory: folder.directory,
    databaseUrl: databaseUrl(process.env),
    workerEnvironment: { MAIL_ID_KEY: DEMO_ID_KEY },
    onFunctionLogLine: (line) => play?.functionLogged(line),
    onLogError: (error) => screen.say(`a log is not written: ${describeTrouble(error) ?? error.message}`),
  });
  try {
    screen.stop();
    const code = values.play ? 0 : await tellStory(pipeline, screen, values.json);
    if (values.exit || interrupted.signal.aborted) return code;
    play = new Play(pipeline, screen);
    await stayUp(pipeline, screen, play, interrupted.signal);
    return code;
  } finally {
    screen.stop();
    await pipeline.close();
  }
}

async function run(): Promise<number> {
  const values = readArguments();
  if (values === undefined) return 2;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const screen = new DemoScreen(values.json ? process.stderr : process.stdout, process.stderr, process.env);
  let folder: RunFolder | undefined;
  try {
    folder = await makeRunFolder(values.dir);
    return await runIn(folder, values, screen);
  } catch (error) {
    const trouble = describeTrouble(error);
    if (trouble === undefined) throw error;
    say(trouble);
    return 2;
  } finally {
    screen.stop();
    if (folder !== undefined) await removeIfEmpty(folder);
  }
}

process.exitCode = await run();
