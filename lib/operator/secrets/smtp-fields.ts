import { readFile } from 'node:fs/promises';
import { OperatorError } from '../operator-error.ts';
import type { SecretFields } from './secret-fields.ts';

export interface SmtpFlags {
  readonly smtpHost?: string;
  readonly smtpPort?: string;
  readonly smtpUser?: string;
  readonly smtpPasswordFile?: string;
}

/**
 * How the API reaches its own mail server, as far as it was given: by flags, or else by the environment. There is no
 * flag for the password itself; every user of the machine could read it in the list of processes.
 *
 * @throws {@link OperatorError}
 */
export async function smtpFields(
  flags: SmtpFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SecretFields> {
  const fields = {
    SMTP_HOST: flags.smtpHost ?? env.SMTP_HOST,
    SMTP_PORT: flags.smtpPort ?? env.SMTP_PORT,
    SMTP_USER: flags.smtpUser ?? env.SMTP_USER,
    SMTP_PASSWORD: await passwordOf(flags, env),
  };
  checkPort(fields.SMTP_PORT);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

async function passwordOf(
  { smtpPasswordFile }: SmtpFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (smtpPasswordFile === undefined) return env.SMTP_PASSWORD;
  const text = await readFile(smtpPasswordFile, 'utf8').catch((cause: unknown) => {
    throw new OperatorError(
      'FILE_UNREADABLE',
      `${smtpPasswordFile} cannot be read`,
      'name a file that can be read',
      { cause },
    );
  });
  // An editor puts a line end after the last line; a password has none.
  return text.replace(/\r?\n$/, '');
}

function checkPort(port: string | undefined): void {
  if (!port || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) return;
  throw new OperatorError(
    'WRONG_SETTING',
    `SMTP_PORT = ${JSON.stringify(port)}: allowed is a port, 1 to 65535`,
    'set SMTP_PORT or --smtp-port right',
  );
}
