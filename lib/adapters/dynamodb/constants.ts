/**
 * Shared by the stack, the emulator and the adapters.
 */

/**
 * `id` (string): `d#` plus the delivery id, `delivered#` plus the hash of an address, `latency` or `sending`.
 * `part` (number): the send batch, the hour of the latencies, or 0.
 */
export const LEDGER_KEY = { partition: 'id', sort: 'part' } as const;

/** `address` (string): the `addressKey` of an address. */
export const SUPPRESSION_KEY = { partition: 'address' } as const;

/** The TTL attribute of both tables, in seconds since 1970. */
export const EXPIRES_ATTRIBUTE = 'expires';
