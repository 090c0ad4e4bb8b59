import { randomUUID } from 'node:crypto';

/** The response of the double. */
export interface VaultDoubleAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

/** Vault wraps the response of an engine. */
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

/** An error is only a list of texts. */
export function refuse(status: number, ...errors: readonly string[]): VaultDoubleAnswer {
  return { status, body: { errors } };
}

/** In the format of Go's multierror, in which Vault reports a denial. */
export function deny(...reasons: readonly string[]): VaultDoubleAnswer {
  const head = reasons.length === 1 ? '1 error occurred:' : `${reasons.length} errors occurred:`;
  return refuse(403, `${head}\n${reasons.map((reason) => `\t* ${reason}\n`).join('')}\n`);
}
