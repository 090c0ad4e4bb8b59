import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { SqsAndS3 } from '../../lib/emulators/aws/sqs-and-s3.ts';
import { endProcess } from '../../lib/emulators/worker-process.ts';
import { RELAY_DOMAIN } from './relay-bench.ts';

const RELAY = fileURLToPath(new URL('../../bin/smtp-relay.ts', import.meta.url));

/** The relay as in production: in its own process. */
export class RelayProcess {
  readonly #child: ChildProcess;
  readonly port: number;
  readonly httpPort: number;

  private constructor(child: ChildProcess, ports: { readonly port: number; readonly httpPort: number }) {
    this.#child = child;
    this.port = ports.port;
    this.httpPort = ports.httpPort;
  }

  /** Resolves when it listens. */
  static async start(
    aws: SqsAndS3,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<RelayProcess> {
    const child = spawn(process.execPath, [RELAY], {
      env: { ...relayEnvironment(aws), ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ports = await new Promise<{ port: number; httpPort: number }>((resolve, reject) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        if (line.includes('"event":"started"')) resolve(JSON.parse(line));
      });
      child.once('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
    });
    return new RelayProcess(child, ports);
  }

  /** Of its memory that is in use, in MB. */
  get residentMegabytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
  }

  async stop(): Promise<number | null> {
    return endProcess(this.#child, 'SIGTERM');
  }

  async kill(): Promise<void> {
    await endProcess(this.#child, 'SIGKILL');
  }
}

function relayEnvironment(aws: SqsAndS3): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    RELAY_HOST: '127.0.0.1',
    RELAY_PORT: '0',
    RELAY_HTTP_HOST: '127.0.0.1',
    RELAY_HTTP_PORT: '0',
    RELAY_MAX_MAILS_PER_MINUTE: '1000000',
    RELAY_MAX_CONNECTIONS_PER_CLIENT: '500',
    LOG_LEVEL: 'info',
    FALLBACK_QUEUE_URL: aws.fallback.url,
    PAYLOAD_BUCKET: aws.bucket,
    MAIL_DOMAIN: RELAY_DOMAIN,
    AWS_SES_ACCESS_KEY: aws.credentials.accessKeyId,
    AWS_SES_SECRET_KEY: aws.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
  };
}
