import { maskAddress } from '../../message/address.ts';
import { OperatorError } from '../operator-error.ts';
import type { Listing } from '../suppression/suppression-lists.ts';
import { untilAborted } from '../until-aborted.ts';

interface SuppressionSource {
  suppressed(addresses: readonly string[]): Promise<Listing>;
}

/**
 * A mail to who is suppressed leaves no trace in the ledger that one could wait for.
 *
 * @throws {@link OperatorError} where one of the lists names the address. A list that cannot be asked is no reason
 */
export async function refuseSuppressed(
  address: string,
  sources: SuppressionSource,
  signal: AbortSignal,
): Promise<void> {
  const { addresses } = await untilAborted(sources.suppressed([address]), signal);
  const listed = addresses.find(({ pipeline, ses }) => pipeline !== undefined || ses !== undefined);
  if (listed === undefined) return;
  const list = listed.pipeline === undefined ? "SES's suppression list" : "the pipeline's suppression list";
  throw new OperatorError(
    'SUPPRESSED',
    `${maskAddress(address)} is on ${list}: nothing is sent to it`,
    'mailctl suppression rm ADDRESS, or send to another by --to',
  );
}
