/** An error for the operator, with its fix. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  /** Stable, for `--json`. */
  readonly code: string;
  /** One sentence or command. */
  readonly fix: string;

  constructor(code: string, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }
}

/**
 * Exit codes. A script can distinguish a warning from a failure, and both from a usage error; 64 is EX_USAGE
 * of sysexits.h.
 */
export const EXIT = { ok: 0, warning: 1, failed: 2, usage: 64 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
