import type { Envelope } from '../../lib/message/envelope.ts';

/** The same mail, for some of its recipients. */
export function narrowed(envelope: Envelope, to: readonly string[]): Envelope {
  return { ...envelope, envelope: { ...envelope.envelope, to: [...to] } };
}
