import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../common/errors.ts';
import type { Log } from '../ports/runtime.ts';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateFilesDeps {
  readonly certFile: string;
  readonly keyFile: string;
  /** Called with each new pair of them, for which a TLS context can be made. */
  readonly onChange: (certificate: Certificate) => void;
  readonly log: Log;
  /** @default 30 s */
  readonly intervalMs?: number | undefined;
}

/** Kubernetes replaces the files of a secret within about a minute; a certificate is renewed weeks before its end. */
const CHECK_INTERVAL_MS = 30_000;

/** Reads the certificate and its key, and again when they change: a renewal needs no restart. */
export class CertificateFiles {
  readonly #deps: CertificateFilesDeps;
  #last: Certificate;
  #timer: NodeJS.Timeout | undefined;

  private constructor(deps: CertificateFilesDeps, first: Certificate) {
    this.#deps = deps;
    this.#last = first;
  }

  /** @throws if they cannot be read, or are no pair */
  static async open(deps: CertificateFilesDeps): Promise<CertificateFiles> {
    return new CertificateFiles(deps, await readPair(deps));
  }

  get current(): Certificate {
    return this.#last;
  }

  start(): void {
    const again = () => void this.check().finally(() => this.#timer?.refresh());
    this.#timer = setTimeout(again, this.#deps.intervalMs ?? CHECK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the files now. While they are no pair, as in the middle of a renewal, the one before stays in use. */
  async check(): Promise<void> {
    try {
      const read = await readPair(this.#deps);
      if (read.cert === this.#last.cert && read.key === this.#last.key) return;
      this.#last = read;
      this.#deps.onChange(read);
      this.#deps.log.info('certificate-reloaded', { file: this.#deps.certFile });
    } catch (error) {
      this.#deps.log.error('certificate-unreadable', {
        file: this.#deps.certFile,
        error: messageOf(error),
      });
    }
  }
}

async function readPair({ certFile, keyFile }: CertificateFilesDeps): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  createSecureContext({ cert, key });
  return { cert, key };
}
