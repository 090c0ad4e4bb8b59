/** What went wrong, in the operator's words, and what mends it. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  /** Stable, for `--json`. */
  readonly code: string;
  /** One sentence or command. */
  readonly mend: string;

  constructor(code: string, message: string, mend: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.mend = mend;
  }
}
