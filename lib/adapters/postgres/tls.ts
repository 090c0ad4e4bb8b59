import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { SettingsError } from '../../common/config.ts';
import { errorCode, messageOf } from '../../common/errors.ts';

/** The modes of libpq, and `no-verify` of the `pg` client: `require` that ignores a root certificate. */
export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;

export type SslMode = (typeof SSL_MODES)[number];

export function isSslMode(text: string): text is SslMode {
  return SSL_MODES.some((mode) => mode === text);
}

export interface TlsSettings {
  readonly mode: SslMode;
  /** The file with the certificates that the server's must come from, or `system`. */
  readonly rootCertificate?: string | undefined;
  /** The files of a client certificate. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** The `ssl` option of the `pg` client. */
export type SslOption = false | ConnectionOptions;

/**
 * The encryption to try, in this order: `prefer` and `allow` have two. As in libpq, `require` verifies like
 * `verify-ca` if there is a root certificate, and a Unix socket is never encrypted.
 *
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 * @throws {@link SettingsError} if a file is missing, or the mode cannot verify what it promises to
 */
export function sslOptions(settings: TlsSettings, isUnixSocket = false): readonly SslOption[] {
  const { mode } = settings;
  if (mode === 'disable' || isUnixSocket) return [false];
  const verified = verification(settings);
  const encrypted = { ...verified, ...clientCertificate(settings) };
  if (mode === 'allow') return [false, encrypted];
  return mode === 'prefer' ? [encrypted, false] : [encrypted];
}

function verification({ mode, rootCertificate }: TlsSettings): ConnectionOptions {
  if (mode === 'no-verify') return { rejectUnauthorized: false };
  if (rootCertificate === 'system' && mode !== 'verify-full') {
    throw new SettingsError([
      `sslmode = "${mode}" cannot be used with sslrootcert = "system": anyone can get a certificate of a public ` +
        'authority; allowed is verify-full',
    ]);
  }
  const file = rootCertificate ?? defaultRootCertificate();
  const ca = file === undefined || file === 'system' ? undefined : readPem('sslrootcert', file);
  // libpq needs a root certificate here too. Public authorities are as strict, because the name is verified.
  if (mode === 'verify-full') return ca === undefined ? {} : { ca };
  const anyName = { checkServerIdentity: () => undefined };
  if (mode === 'verify-ca') {
    if (ca === undefined) {
      throw new SettingsError([
        'sslmode = "verify-ca" needs a root certificate: set sslrootcert or PGSSLROOTCERT to its file, or use verify-full',
      ]);
    }
    return { ca, ...anyName };
  }
  return mode === 'require' && ca !== undefined ? { ca, ...anyName } : { rejectUnauthorized: false };
}

/** Where libpq looks for it. */
function defaultRootCertificate(): string | undefined {
  const file = join(homedir(), '.postgresql', 'root.crt');
  return existsSync(file) ? file : undefined;
}

function clientCertificate({ certificate, key }: TlsSettings): ConnectionOptions {
  return {
    ...(certificate === undefined ? {} : { cert: readPem('sslcert', certificate) }),
    ...(key === undefined ? {} : { key: readPem('sslkey', key) }),
  };
}

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SettingsError([`${setting} = ${JSON.stringify(file)}: cannot be read (${errorCode(error)})`]);
  }
}

/**
 * Whether the server refused the connection because of its encryption, so that the next attempt may succeed:
 * it has no TLS, the handshake failed, or its rules want it the other way (28000; 08P01 of PgBouncer).
 */
export function isRefusedEncryption(error: unknown): boolean {
  if (/\bSSL\b/.test(messageOf(error))) return true;
  return /^(28000|08P01|EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/.test(errorCode(error));
}
