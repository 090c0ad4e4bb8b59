import { maskAddressesIn } from '../../domain/address.ts';
import { DELIVERY_TAGS, toDeliveryIdTag, toFailedAtTag } from '../../domain/send-batch.ts';
import type { RawMail, SendResponse } from '../../ports/senders.ts';
import { awsErrorCode, awsErrorStatus } from '../aws-client.ts';
import { classifySesError } from './classify-ses-error.ts';

/** The settings of an SES client. The call must not be repeated by the SDK: SES has no idempotency token. */
export const SES_CLIENT_OPTIONS = { maxAttempts: 1, requestHandler: { connectionTimeout: 3_000 } };

/**
 * Makes one call and reads its end as an answer, whatever it is.
 *
 * @param timeoutMs bounds the call as a whole; a time limit of the SDK's own ends when the first byte of the answer
 * comes, and some servers never send the rest
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

/** The mail's own tags and ours, in the form of both API versions. Ours win: events are traced back by them. */
export function sesTags({ deliveryId, part, failedAt, tags }: RawMail): { Name: string; Value: string }[] {
  const { [DELIVERY_TAGS.failedAt]: _reserved, ...others } = tags;
  const own = {
    [DELIVERY_TAGS.deliveryId]: toDeliveryIdTag(deliveryId),
    [DELIVERY_TAGS.part]: String(part),
    ...(failedAt === undefined ? {} : { [DELIVERY_TAGS.failedAt]: toFailedAtTag(failedAt) }),
  };
  return Object.entries({ ...others, ...own }).map(([Name, Value]) => ({ Name, Value }));
}
