import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { errorCode } from '../../common/errors.ts';
import { openConsoleSources } from '../console/open-sources.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { DROP_RECORD } from '../lookups/dlq/drop-dead-letters.ts';
import { wholeNumber } from '../number-flags.ts';

const NOTES = `
Opens a page in the browser: whether mail flows, what broke and since when, deliveries, dead letters, suppressed
recipients. It reads with your own AWS credentials (--profile), and the outbox through DATABASE_URL, or PGHOST and the
other variables of psql. What is not there is said on the page, with what fixes it.

It changes nothing, unless you start it with --allow-changes: then dead letters can be redriven and dropped, and
recipients suppressed, each after a page that says what it will do. Addresses are masked without --show-addresses.

It listens on this machine alone. The link has a random token: who does not have it gets nothing. Ctrl-C ends it.

Exit codes: 0 it was ended; 2 it could not start.

Examples:
  mailctl --stage prod console
  mailctl --stage prod console --allow-changes --show-addresses
  kubectl port-forward deploy/outbound-worker 9090 & mailctl console --worker http://127.0.0.1:9090`;

interface ConsoleFlags {
  readonly port: number;
  readonly allowChanges: boolean;
  readonly showAddresses: boolean;
  readonly worker?: string;
}

/** `mailctl console`: the pipeline in the browser. */
export function registerConsole(program: Command, run: RunCommand): void {
  program
    .command('console')
    .description('show the pipeline in the browser, on this machine alone')
    .option('--port <number>', 'of this machine (default: one that is free)', wholeNumber(65_535), 0)
    .option('--allow-changes', 'redrive and drop dead letters, change the suppression lists', false)
    .option('--show-addresses', 'show addresses unmasked', false)
    .option('--worker <url>', 'the port of a worker for health and metrics, as reachable from here')
    .addHelpText('after', NOTES)
    .action((flags: ConsoleFlags) => run((context) => serveConsole(context, flags)));
}

async function serveConsole(context: CommandContext, flags: ConsoleFlags): Promise<ExitCode> {
  const { aws, terminal, signal } = context;
  const { port, allowChanges, showAddresses, worker } = flags;
  // The server would make all other commands start slower.
  const { startConsole } = await import('../../console/server.ts');
  const opened = openConsoleSources(
    {
      ...context,
      region: aws.region,
      workerUrl: worker,
      noAlarms: undefined,
      history: 'cloud-watch',
      recordPath: resolve(DROP_RECORD),
    },
    'deployed',
  );
  try {
    const running = await startConsole(opened.sources, {
      port,
      allowChanges,
      showAddresses,
      describe: opened.describe,
    }).catch((error: unknown) => {
      throw cannotListen(port, error);
    });
    terminal.stream({ link: running.link }, () => running.link, 'console');
    terminal.note(`${allowChanges ? 'Changes are allowed' : 'Read-only'}; Ctrl-C ends it.`);
    if (!signal.aborted) await once(signal, 'abort');
    await running.close();
    return EXIT.ok;
  } finally {
    await opened.close();
  }
}

function cannotListen(port: number, error: unknown): OperatorError {
  const code = errorCode(error);
  return new OperatorError(code, `port ${port} of this machine cannot be used: ${code}`, 'leave --port out', {
    cause: error,
  });
}
