/** Why a Vault call failed. Each has a different fix. */
export type VaultProblem =
  /** Vault's environment variables are invalid. */
  | { readonly kind: 'settings'; readonly reason: string }
  | { readonly kind: 'no-token' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown-host' }
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  /** The connection broke; a write may have succeeded. */
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'untrusted'; readonly reason: string }
  /** One side speaks TLS and the other does not. */
  | { readonly kind: 'wrong-scheme' }
  | { readonly kind: 'redirected'; readonly location: string }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'not-initialized' }
  /** A standby that does not forward; with the active node, if it names it. */
  | { readonly kind: 'standby'; readonly activeNode: string | undefined }
  | { readonly kind: 'token-rejected' }
  | { readonly kind: 'denied'; readonly path: string; readonly capabilities: readonly string[] }
  | { readonly kind: 'no-mount'; readonly mount: string }
  /** Vault does not show this token whether the mount exists, or its version. */
  | { readonly kind: 'hidden-mount'; readonly mount: string; readonly path: string }
  | { readonly kind: 'not-kv-v2'; readonly mount: string; readonly found: string }
  | { readonly kind: 'rate-limited' }
  | { readonly kind: 'unavailable'; readonly status: number; readonly reason: string }
  | { readonly kind: 'unexpected'; readonly status: number; readonly reason: string };

/** A failed Vault call. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: VaultProblem['kind'];
  readonly problem: VaultProblem;
  /** The address that was called; undefined if there was no call. */
  readonly address: string | undefined;

  constructor(problem: VaultProblem, address?: string, options?: ErrorOptions) {
    super(`Vault: ${problem.kind}`, options);
    this.code = problem.kind;
    this.problem = problem;
    this.address = address;
  }
}
