import { AwsClients } from '../../lib/cli/aws-clients.ts';
import { openConsoleSources } from '../../lib/cli/console/open-sources.ts';
import { FixHints } from '../../lib/cli/hints.ts';
import type { ConsoleOptions, RunningConsole } from '../../lib/console/server.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../lib/emulators/ses/ses-double.ts';
import { deployedAccount } from '../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../support/aws-account/start-aws-account.ts';
import { consoleOver } from './console-client.ts';

/** The console of a deployment, over emulators, by the code that `mailctl console` runs. */
export class DeployedConsole {
  readonly account: AwsAccountDouble;
  readonly dynamoDb: LocalDynamoDb;
  readonly #aws: SqsAndS3;
  readonly #ses: SesDouble;
  readonly #ended = new AbortController();
  readonly #open: { close(): Promise<void> }[] = [];

  private constructor(account: AwsAccountDouble, dynamoDb: LocalDynamoDb, aws: SqsAndS3, ses: SesDouble) {
    this.account = account;
    this.dynamoDb = dynamoDb;
    this.#aws = aws;
    this.#ses = ses;
  }

  static async start(): Promise<DeployedConsole> {
    const [aws, dynamoDb, ses] = await Promise.all([
      startSqsAndS3({ visibilitySeconds: 30 }),
      startDynamoDb(),
      startSesDouble(),
    ]);
    const { fallback, urgent, deadLetters } = aws;
    const { ledgerTable, suppressionTable } = dynamoDb;
    const resources = { fallback, urgent, deadLetters, ledgerTable, suppressionTable };
    const account = await startAwsAccount({ account: deployedAccount({ resources }) });
    return new DeployedConsole(account, dynamoDb, aws, ses);
  }

  async open(
    env: Readonly<Record<string, string>>,
    options: Partial<ConsoleOptions> = {},
  ): Promise<RunningConsole> {
    const region = 'eu-west-1';
    const deployment = { project: 'keybuzz', stage: 'dev' } as const;
    const { endpoint, credentials } = this.#aws;
    const endpoints = {
      ...{ sqs: endpoint, s3: endpoint, dynamoDb: this.dynamoDb.endpoint, ses: this.#ses.url },
      cloudFormation: this.account.url,
    };
    const opened = openConsoleSources(
      {
        ...{ deployment, region, env, signal: this.#ended.signal, workerUrl: undefined, recordPath: '' },
        aws: new AwsClients({ region, hasOwnSqs: true, local: { endpoints, credentials } }),
        commands: new FixHints(deployment, region),
        noAlarms: { why: 'none', fix: 'none' },
        history: 'cloud-watch',
      },
      'deployed',
    );
    const running = await consoleOver(opened.sources, { describe: opened.describe, ...options });
    this.#open.push(running, opened);
    return running;
  }

  /** Those that were opened, before their database goes. */
  async closeOpen(): Promise<void> {
    for (const one of this.#open.splice(0)) await one.close();
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.closeOpen();
    await Promise.all([this.account.close(), this.#aws.close(), this.dynamoDb.close(), this.#ses.close()]);
  }
}
