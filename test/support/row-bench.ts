import { type SqsAndS3, startSqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { type SmtpDouble, startSmtpDouble } from '../../lib/emulators/smtp/smtp-double.ts';
import { createMailer } from '../../lib/mailer/create-mailer.ts';
import type { Mailer } from '../../lib/mailer/mailer.ts';
import { fallbackSettingsFor } from './fallback-settings-for.ts';
import { type OutboxDatabase, OutboxServer } from './outbox-database.ts';
import { smtpSettingsFor } from './smtp-settings-for.ts';

/** What a row's mail goes through: a database, a mailer, a mail server and the fallback. */
export interface RowBench {
  readonly database: OutboxDatabase;
  readonly aws: SqsAndS3;
  readonly smtp: SmtpDouble;
  readonly mailer: Mailer;
  close(): Promise<void>;
}

export async function startRowBench(): Promise<RowBench> {
  const [server, aws, smtp] = await Promise.all([
    OutboxServer.start(),
    startSqsAndS3({ visibilitySeconds: 30 }),
    startSmtpDouble(),
  ]);
  const database = await server.database();
  const mailer = createMailer({ smtp: smtpSettingsFor(smtp), fallback: fallbackSettingsFor(aws) });
  return {
    database,
    aws,
    smtp,
    mailer,
    close: async () => {
      await mailer.close();
      await database.close();
      await Promise.all([server.close(), aws.close(), smtp.close()]);
    },
  };
}
