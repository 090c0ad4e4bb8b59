#!/usr/bin/env node
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { createJsonLog } from '../lib/adapters/json-log.ts';
import { DEPLOYMENT_DEFAULTS } from '../lib/common/names.ts';
import { commandOf, exitCodeOf, UsageError } from '../lib/process/command.ts';
import { relayManifest } from '../lib/relay/kubernetes-manifest.ts';
import { runRelay } from '../lib/relay/run.ts';
import { RELAY_DEFAULTS, readRelaySettings } from '../lib/relay/settings.ts';
import { hashPassword } from '../lib/relay/users.ts';

const HELP = `An SMTP server that loses no mail: it answers 250 when the mail server or the SES fallback has the mail, and
451 when neither has it, so that the client keeps it. It keeps nothing itself.

  smtp-relay --upstream HOST[:PORT]  in front of a mail server: offers it each mail (port 587), and hands over to the
                                     fallback what it does not accept
  smtp-relay                         behind a mail server: hands over at once what comes. For Postfix:
                                       postconf -e 'smtp_fallback_relay = [127.0.0.1]:${RELAY_DEFAULTS.port}' && postfix reload
  smtp-relay hash-password           reads a password and prints its hash for RELAY_USERS or RELAY_USERS_FILE
  smtp-relay manifest --namespace NS --image IMAGE [--upstream HOST[:PORT]] [--replicas N] [--project NAME]
                                     prints Kubernetes manifests for "kubectl apply -f -"; they read the secrets
                                     NAME-ses, NAME-relay and, for its certificate, NAME-relay-tls (default: ${DEPLOYMENT_DEFAULTS.project})
  smtp-relay --help                  this text

It works until SIGTERM or SIGINT; then it finishes the mails in progress.

Settings come from the environment; docs/settings.md has the tables, docs/relay.md what to set on the mail server.
The least that is needed:
  MAIL_DOMAIN  FALLBACK_QUEUE_URL  PAYLOAD_BUCKET
Who may send: RELAY_NETWORKS (default: this machine), and with a certificate RELAY_USERS or RELAY_USERS_FILE.
With MAIL_ID_KEY, the same as that of worker and API, a mail of theirs that comes back keeps its id and its row.

Try it:
  swaks --server 127.0.0.1:${RELAY_DEFAULTS.port} --from you@\${MAIL_DOMAIN} --to you@example.org

Exit codes: 0 all done; 1 an error; 2 a wrong setting or argument.
`;

const OPTIONS = {
  upstream: { type: 'string' },
  namespace: { type: 'string' },
  image: { type: 'string' },
  project: { type: 'string' },
  replicas: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const writeLine = (line: string) => process.stdout.write(line);

/** The variables that stand for `--upstream`. */
function upstreamVariables(upstream: string | undefined): Record<string, string> {
  if (upstream === undefined) return {};
  const [, host = upstream, port] = /^(\[[^\]]+\]|[^:]*)(?::(\d+))?$/.exec(upstream) ?? [];
  return { RELAY_UPSTREAM_HOST: host, ...(port === undefined ? {} : { RELAY_UPSTREAM_PORT: port }) };
}

async function relay(upstream: string | undefined): Promise<number> {
  const settings = readRelaySettings({ ...process.env, ...upstreamVariables(upstream) });
  const log = createJsonLog(writeLine, { level: settings.logLevel });
  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const running = await runRelay(settings, log);
  const { port, tlsPort, httpPort } = running;
  log.info('started', { port, tlsPort, httpPort, upstream: settings.upstream.host });
  await stopped;
  log.info('stopping', { drainTimeoutMs: settings.drainTimeoutMs });
  await running.stop();
  log.info('stopped');
  return 0;
}

async function printHash(): Promise<number> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  if (process.stdin.isTTY) process.stderr.write('Password (it is shown): ');
  for await (const password of lines) {
    if (password === '') break;
    writeLine(`${await hashPassword(password)}\n`);
    return 0;
  }
  throw new UsageError('no password was given on the standard input');
}

interface ManifestValues {
  readonly upstream?: string;
  readonly namespace?: string;
  readonly image?: string;
  readonly project?: string;
  readonly replicas?: string;
}

function printManifest({ upstream, namespace, image, project, replicas }: ManifestValues): number {
  if (namespace === undefined || image === undefined)
    throw new UsageError('manifest needs --namespace and --image');
  const { RELAY_UPSTREAM_HOST: upstreamHost, RELAY_UPSTREAM_PORT: upstreamPort } =
    upstreamVariables(upstream);
  writeLine(
    relayManifest({
      namespace,
      image,
      project,
      upstreamHost,
      ...(upstreamPort === undefined ? {} : { upstreamPort: Number(upstreamPort) }),
      ...(replicas === undefined ? {} : { replicas: Number(replicas) }),
    }),
  );
  return 0;
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (values.help) {
    writeLine(HELP);
    return 0;
  }
  const command = commandOf(positionals, 'relay');
  switch (command) {
    case 'relay':
      return relay(values.upstream);
    case 'hash-password':
      return printHash();
    case 'manifest':
      return printManifest(values);
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

process.exitCode = await exitCodeOf(run, HELP);
// A client or a server that does not respond may keep a connection open, and with it the process: exit now.
process.exit();
