#!/usr/bin/env node
import { Command, Option } from 'commander';
import { registerCommands } from '../lib/cli/app.ts';
import { AwsClients } from '../lib/cli/aws-clients.ts';
import type { RunCommand } from '../lib/cli/context.ts';
import { describeFailure } from '../lib/cli/describe-failure.ts';
import { EXIT } from '../lib/cli/errors.ts';
import { FixHints } from '../lib/cli/hints.ts';
import { Terminal } from '../lib/cli/terminal.ts';

interface GlobalOptions {
  readonly project: string;
  readonly stage: 'dev' | 'prod';
  readonly region: string;
  readonly profile?: string;
  readonly json: boolean;
  readonly yes: boolean;
}

const program = new Command('mailctl')
  .description('Looks after the KeyBuzz mail pipeline: sets it up, says what is wrong, puts it right.')
  .addOption(
    new Option('--stage <stage>', 'which deployment')
      .choices(['dev', 'prod'])
      .default('dev')
      .env('MAIL_STAGE'),
  )
  .option('--project <name>', 'the front of all names, as in cdk.json', 'keybuzz')
  .addOption(new Option('--region <region>', 'where it is deployed').default('eu-west-1').env('AWS_REGION'))
  .addOption(new Option('--profile <name>', 'of the AWS configuration files').env('AWS_PROFILE'))
  .option('--json', 'the result as JSON on standard output', false)
  .option('-y, --yes', 'answer every question with yes', false)
  .addHelpText(
    'after',
    `
Examples:
  mailctl quickstart               from nothing to the first mail, step by step
  mailctl doctor                   what is wrong, and what fixes it
  mailctl alarms                   what rings, and what to do first
  mailctl dns --check              whether the DNS has what SES and DMARC need
  mailctl status reply-48213       the whole story of one delivery
  mailctl dlq ls                   why mail waits for a person
  mailctl --stage prod doctor --json

Exit codes: 0 all is well; 1 it works, look at the warnings; 2 it failed, or something is broken; 64 wrong usage.`,
  )
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(mailctl --help tells more)')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  });

const interrupted = new AbortController();
const INTERRUPTED = {
  code: 'INTERRUPTED',
  message: 'interrupted',
  fix: 'run it again; it goes on with what is left',
};
process.once('SIGINT', () => {
  process.stderr.write('\nstopping; Ctrl-C again ends it at once\n');
  interrupted.abort(new Error('interrupted'));
});
// Whoever read the output has seen enough (`mailctl … | head`): the work goes on, and its exit code counts.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const run: RunCommand = async (command) => {
  const { project, stage, region, profile, json, yes } = program.opts<GlobalOptions>();
  const streams = { input: process.stdin, output: process.stdout, errors: process.stderr };
  const terminal = new Terminal(streams, { json, yes });
  const hasOwnSqs = (process.env.AWS_ENDPOINT_URL_SQS ?? process.env.AWS_ENDPOINT_URL) !== undefined;
  const deployment = { project, stage };
  const commands = new FixHints(deployment, region, profile);
  try {
    process.exitCode = await command({
      deployment,
      aws: new AwsClients({ region, profile, hasOwnSqs }),
      terminal,
      commands,
      env: process.env,
      signal: interrupted.signal,
    });
  } catch (error) {
    const failure = interrupted.signal.aborted ? INTERRUPTED : describeFailure(error, commands);
    if (json) terminal.result({ error: failure }, () => '');
    terminal.note(`${failure.message}\n  fix: ${failure.fix}`);
    process.exitCode = EXIT.failed;
  }
};

registerCommands(program, run);

await program.parseAsync();
