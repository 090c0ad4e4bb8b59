/** Where content waits that is too large for a queue message. */
export interface PayloadStore {
  /** @throws where the store did not confirm it */
  put(key: string, bytes: Buffer): Promise<void>;
  /**
   * Reads at most `maxBytes`; more than that is `too-large` and is not read on.
   *
   * @throws where the store cannot be asked
   */
  get(key: string, maxBytes: number): Promise<StoredPayload>;
}

export type StoredPayload =
  | { readonly kind: 'payload'; readonly bytes: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large' };
