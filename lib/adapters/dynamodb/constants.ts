/**
 * What the stack, the emulator and the adapters must agree on.
 */

/** `id` is text: `d#` and the id of a delivery, or `latency`. `part` is a number: of the part, or of an hour. */
export const LEDGER_KEY = { partition: 'id', sort: 'part' } as const;

/** `address` is text: the `addressKey` of an address. */
export const SUPPRESSION_KEY = { partition: 'address' } as const;

/** The attribute of both tables that says when an item may go, in seconds since 1970. */
export const EXPIRES_ATTRIBUTE = 'expires';
