import { randomUUID } from 'node:crypto';

/** What the double writes back. */
export interface VaultDoubleAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

/** Vault wraps what an engine answers. */
export function answerWith(data: unknown, status = 200): VaultDoubleAnswer {
  const body = {
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data,
    wrap_info: null,
    warnings: null,
    auth: null,
  };
  return { status, body };
}

/** An error is a list of texts and nothing else. */
export function refuse(status: number, ...errors: readonly string[]): VaultDoubleAnswer {
  return { status, body: { errors } };
}

/** How Go's multierror writes them, which is how Vault tells of a denial. */
export function deny(...reasons: readonly string[]): VaultDoubleAnswer {
  const head = reasons.length === 1 ? '1 error occurred:' : `${reasons.length} errors occurred:`;
  return refuse(403, `${head}\n${reasons.map((reason) => `\t* ${reason}\n`).join('')}\n`);
}
