import * as v from 'valibot';
import type { SesAccount } from './account.ts';
import { readMailbox } from './check-submission.ts';
import type { Answer, PreparedCall, SesService, WireRequest } from './http-exchange.ts';
import {
  jsonBody,
  nameInPath,
  plainCall,
  type Route,
  refusedCall,
  restError,
  restRefusal,
  restSuccess,
} from './rest-route.ts';
import { invalidParameter } from './submission.ts';
import { SUPPRESSION_REASONS, type SuppressedDestination } from './suppression.ts';

const LIST = /^\/v2\/email\/suppression\/addresses\/?$/;
const ONE = /^\/v2\/email\/suppression\/addresses\/([^/]+)$/;

/** AWS does not document the default and maximum page size; these are assumed. */
const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/** The operations on the account's suppression list; those of tenants are not emulated. */
export const SUPPRESSION_ROUTES: readonly Route[] = [
  { method: 'PUT', path: LIST, prepare: putSuppressedDestination },
  { method: 'GET', path: LIST, prepare: listSuppressedDestinations },
  { method: 'GET', path: ONE, prepare: getSuppressedDestination },
  { method: 'DELETE', path: ONE, prepare: deleteSuppressedDestination },
];

const putInput = v.object({ EmailAddress: v.string(), Reason: v.picklist(SUPPRESSION_REASONS) });

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutSuppressedDestination.html */
function putSuppressedDestination(request: WireRequest, { account, now }: SesService): PreparedCall {
  const operation = 'PutSuppressedDestination';
  const json = jsonBody(request);
  if (json === undefined) {
    return refusedCall(operation, { reason: 'malformed-request', message: 'The body is not JSON.' });
  }
  const input = v.safeParse(putInput, json);
  if (!input.success) return refusedCall(operation, invalidParameter(input.issues[0].message));
  const { EmailAddress, Reason: reason } = input.output;
  return plainCall(operation, () => {
    const mailbox = readMailbox(EmailAddress);
    if (mailbox.kind === 'invalid') return restRefusal(invalidParameter(mailbox.message));
    // documented as not available, but without the error
    if (account.sandbox) return restRefusal(invalidParameter('Not available in the sandbox.'));
    account.suppressionList.put({ address: mailbox.address, reason, updatedAt: now() });
    return restSuccess({});
  });
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetSuppressedDestination.html */
function getSuppressedDestination(request: WireRequest, { account }: SesService): PreparedCall {
  return plainCall('GetSuppressedDestination', () => {
    const address = nameInPath(request);
    const entry = account.suppressionList.get(address);
    if (entry === undefined) return notListed(address);
    const { event } = entry;
    const attributes = event && {
      Attributes: { MessageId: event.sesMessageId, FeedbackId: event.feedbackId },
    };
    return restSuccess({ SuppressedDestination: { ...summary(entry), ...attributes } });
  });
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_DeleteSuppressedDestination.html */
function deleteSuppressedDestination(request: WireRequest, { account }: SesService): PreparedCall {
  return plainCall('DeleteSuppressedDestination', () => {
    const address = nameInPath(request);
    return account.suppressionList.delete(address) ? restSuccess({}) : notListed(address);
  });
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListSuppressedDestinations.html */
function listSuppressedDestinations({ query }: WireRequest, { account }: SesService): PreparedCall {
  const operation = 'ListSuppressedDestinations';
  const input = v.safeParse(listInput, { ...Object.fromEntries(query), Reason: query.getAll('Reason') });
  if (!input.success) {
    const path = v.getDotPath(input.issues[0]) ?? 'query';
    return refusedCall(operation, invalidParameter(`${path}: ${input.issues[0].message}`));
  }
  const { output } = input;
  return plainCall(operation, () => listPage(account, output));
}

const time = v.pipe(
  v.string(),
  // the documentation specifies Unix time, the SDK sends ISO 8601: both are accepted
  v.transform((text) => new Date(/^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : text)),
  v.check((date) => !Number.isNaN(date.getTime()), 'a time'),
);

const listInput = v.object({
  Reason: v.array(v.picklist(SUPPRESSION_REASONS)),
  StartDate: v.optional(time),
  EndDate: v.optional(time),
  NextToken: v.optional(v.string()),
  PageSize: v.optional(
    v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1), v.maxValue(MAX_PAGE_SIZE)),
    String(DEFAULT_PAGE_SIZE),
  ),
});

function listPage(account: SesAccount, query: v.InferOutput<typeof listInput>): Answer {
  const start = query.NextToken === undefined ? 0 : decodeToken(query.NextToken);
  if (start === undefined) {
    const message = 'The specified request includes an invalid or expired token.';
    return restError({ code: 'InvalidNextTokenException', message, status: 400 });
  }
  const matching = account.suppressionList.list().filter((entry) => matches(entry, query));
  const end = start + query.PageSize;
  return restSuccess({
    SuppressedDestinationSummaries: matching.slice(start, end).map(summary),
    ...(end < matching.length && { NextToken: encodeToken(end) }),
  });
}

function matches(
  { reason, updatedAt }: SuppressedDestination,
  query: v.InferOutput<typeof listInput>,
): boolean {
  const { Reason: reasons, StartDate: after, EndDate: before } = query;
  return (
    (reasons.length === 0 || reasons.includes(reason)) &&
    (after === undefined || updatedAt > after) &&
    (before === undefined || updatedAt < before)
  );
}

function encodeToken(position: number): string {
  return Buffer.from(`from ${position}`).toString('base64url');
}

function decodeToken(token: string): number | undefined {
  const position = /^from (\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  return position === undefined ? undefined : Number(position);
}

function summary({ address, reason, updatedAt }: SuppressedDestination): object {
  return { EmailAddress: address, Reason: reason, LastUpdateTime: updatedAt.getTime() / 1000 };
}

function notListed(address: string): Answer {
  const message = `Email address ${address} does not exist on your suppression list.`;
  return restError({ code: 'NotFoundException', message, status: 404 });
}
