#!/usr/bin/env node
import { Command, Option } from 'commander';
import { AwsClients } from '../lib/operator/aws-clients.ts';
import type { RunCommand } from '../lib/operator/command-context.ts';
import { describeFailure } from '../lib/operator/describe-failure.ts';
import { EXIT } from '../lib/operator/exit-code.ts';
import { Terminal } from '../lib/operator/terminal.ts';

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
Exit codes: 0 all is well; 1 it works, look at the warnings; 2 it failed, or something is broken; 64 wrong usage.`,
  )
  .showHelpAfterError('(mailctl --help tells more)')
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  });

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));

const run: RunCommand = async (command) => {
  const { project, stage, region, profile, json, yes } = program.opts<GlobalOptions>();
  const streams = { input: process.stdin, output: process.stdout, errors: process.stderr };
  const terminal = new Terminal(streams, { json, yes });
  const hasOwnSqs = (process.env.AWS_ENDPOINT_URL_SQS ?? process.env.AWS_ENDPOINT_URL) !== undefined;
  try {
    process.exitCode = await command({
      deployment: { project, stage },
      aws: new AwsClients({ region, profile, hasOwnSqs }),
      terminal,
      env: process.env,
      signal: interrupted.signal,
    });
  } catch (error) {
    const failure = describeFailure(error);
    if (json) terminal.result({ error: failure }, () => '');
    terminal.note(`${failure.message}\n  mend: ${failure.mend}`);
    process.exitCode = EXIT.failed;
  }
};

await program.parseAsync();
