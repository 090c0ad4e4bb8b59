/** What keeps Vault from doing what it was asked for. Each has another remedy. */
export type VaultProblem =
  /** What Vault's variables say cannot be. */
  | { readonly kind: 'settings'; readonly reason: string }
  | { readonly kind: 'no-token' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown-host' }
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  /** The connection broke; a write may have been done. */
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'untrusted'; readonly reason: string }
  /** One side speaks TLS and the other does not. */
  | { readonly kind: 'wrong-scheme' }
  | { readonly kind: 'redirected'; readonly location: string }
  | { readonly kind: 'sealed' }
  | { readonly kind: 'not-initialized' }
  /** A standby that does not forward; the active node where it tells. */
  | { readonly kind: 'standby'; readonly activeNode: string | undefined }
  | { readonly kind: 'token-rejected' }
  | { readonly kind: 'denied'; readonly path: string; readonly capabilities: readonly string[] }
  | { readonly kind: 'no-mount'; readonly mount: string }
  /** Vault does not tell this token whether the mount is there, or of which version. */
  | { readonly kind: 'hidden-mount'; readonly mount: string; readonly path: string }
  | { readonly kind: 'not-kv-v2'; readonly mount: string; readonly found: string }
  | { readonly kind: 'rate-limited' }
  | { readonly kind: 'unavailable'; readonly status: number; readonly reason: string }
  | { readonly kind: 'unexpected'; readonly status: number; readonly reason: string };

/** A call of Vault that came to nothing. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: VaultProblem['kind'];
  readonly problem: VaultProblem;
  /** Where it was tried; undefined where it did not come to that. */
  readonly address: string | undefined;

  constructor(problem: VaultProblem, address?: string, options?: ErrorOptions) {
    super(`Vault: ${problem.kind}`, options);
    this.code = problem.kind;
    this.problem = problem;
    this.address = address;
  }
}
