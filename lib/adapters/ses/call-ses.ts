import { maskAddressesIn } from '../../domain/address.ts';
import { DELIVERY_TAGS, toDeliveryIdTag, toFailedAtTag } from '../../domain/send-batch.ts';
import type { RawMail, SendResponse } from '../../ports/senders.ts';
import { awsErrorCode, awsErrorStatus } from '../aws-client.ts';
import { classifySesError } from './classify-ses-error.ts';

/** The options of an SES client. The SDK must not retry: SES has no idempotency token. */
export const SES_CLIENT_OPTIONS = { maxAttempts: 1, requestHandler: { connectionTimeout: 3_000 } };

/**
 * Makes one call and returns any result, including errors, as a response.
 *
 * @param timeoutMs limits the whole call; the SDK's own timeout ends at the first byte of the response, and
 * some servers never send the rest
 */
export async function callSes(
  timeoutMs: number,
  call: (abortSignal: AbortSignal) => Promise<string | undefined>,
): Promise<SendResponse> {
  try {
    const sesMessageId = await call(AbortSignal.timeout(timeoutMs));
    if (sesMessageId !== undefined) return { kind: 'sent', sesMessageId };
    return {
      kind: 'failed',
      verdict: classifySesError('NoMessageId', '', undefined),
      detail: 'SES named no message id',
    };
  } catch (error) {
    const code = awsErrorCode(error);
    const message = error instanceof Error ? error.message : '';
    return {
      kind: 'failed',
      verdict: classifySesError(code, message, awsErrorStatus(error)),
      detail: maskAddressesIn(`${code}: ${message}`).slice(0, 500),
    };
  }
}

/** The mail's tags plus ours, in the format of both API versions. Ours win: they link events to the mail. */
export function sesTags({ deliveryId, part, failedAt, tags }: RawMail): { Name: string; Value: string }[] {
  const { [DELIVERY_TAGS.failedAt]: _reserved, ...others } = tags;
  const own = {
    [DELIVERY_TAGS.deliveryId]: toDeliveryIdTag(deliveryId),
    [DELIVERY_TAGS.part]: String(part),
    ...(failedAt === undefined ? {} : { [DELIVERY_TAGS.failedAt]: toFailedAtTag(failedAt) }),
  };
  return Object.entries({ ...others, ...own }).map(([Name, Value]) => ({ Name, Value }));
}
