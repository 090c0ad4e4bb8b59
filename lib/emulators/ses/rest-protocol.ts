import * as v from 'valibot';
import type { PreparedCall, SesService, Wire, WireRequest } from './http-exchange.ts';
import { ACCOUNT_ROUTES, CONFIGURATION_SET_ROUTES, IDENTITY_ROUTES } from './rest-account.ts';
import { jsonBody, type Route, refusedCall, restError, restRefusal, restSuccess } from './rest-route.ts';
import { SUPPRESSION_ROUTES } from './rest-suppression.ts';
import type { Refusal, Submission } from './submission.ts';

const ROUTES: readonly Route[] = [
  { method: 'POST', path: /^\/v2\/email\/outbound-emails\/?$/, prepare: sendEmail },
  ...ACCOUNT_ROUTES,
  ...CONFIGURATION_SET_ROUTES,
  ...IDENTITY_ROUTES,
  ...SUPPRESSION_ROUTES,
];

const addressList = v.optional(v.nullable(v.array(v.string())));

const sendEmailInput = v.object({
  FromEmailAddress: v.optional(v.nullable(v.string())),
  Destination: v.optional(
    v.nullable(v.object({ ToAddresses: addressList, CcAddresses: addressList, BccAddresses: addressList })),
  ),
  Content: v.object({ Raw: v.object({ Data: v.string() }) }),
  EmailTags: v.optional(v.nullable(v.array(v.object({ Name: v.string(), Value: v.string() })))),
  ConfigurationSetName: v.optional(v.nullable(v.string())),
});

/** SES v2: method and path select the operation, bodies are JSON, a header has the error code. */
export function restProtocol(service: SesService): Wire {
  return {
    api: 'v2',
    prepare: (request) => prepare(request, service),
    refuse: restRefusal,
    error: restError,
  };
}

function prepare(request: WireRequest, service: SesService): PreparedCall {
  const route = ROUTES.find(({ method, path }) => method === request.method && path.test(request.path));
  if (route !== undefined) return route.prepare(request, service);
  return refusedCall('unknown', {
    reason: 'unknown-operation',
    message: `No operation of SES v2, or none that the double knows: ${request.method} ${request.path}`,
  });
}

function sendEmail(request: WireRequest, service: SesService): PreparedCall {
  const operation = 'SendEmail';
  const input = readInput(request);
  if (!input.success) return refusedCall(operation, input.refusal);
  const { submission } = input;
  return {
    api: 'v2',
    operation,
    submission,
    perform: () => {
      const outcome = service.send(submission, 'v2');
      if (outcome.kind === 'refused') return restRefusal(outcome.refusal);
      return restSuccess({ MessageId: outcome.mail.sesMessageId });
    },
  };
}

type ReadInput =
  | { readonly success: true; readonly submission: Submission }
  | { readonly success: false; readonly refusal: Refusal };

function readInput(request: WireRequest): ReadInput {
  const json = jsonBody(request);
  if (json === undefined) {
    return { success: false, refusal: { reason: 'malformed-request', message: 'The body is not JSON.' } };
  }
  const parsed = v.safeParse(sendEmailInput, json);
  if (parsed.success) return { success: true, submission: toSubmission(parsed.output) };
  const path = v.getDotPath(parsed.issues[0]) ?? 'body';
  // simple and templated content are not supported: the path in the message shows that
  const message = `${path}: ${parsed.issues[0].message}`;
  return { success: false, refusal: { reason: 'missing-parameter', message } };
}

function toSubmission(input: v.InferOutput<typeof sendEmailInput>): Submission {
  const { FromEmailAddress: source, Destination: to, ConfigurationSetName: configurationSet } = input;
  const lists = [to?.ToAddresses, to?.CcAddresses, to?.BccAddresses];
  const destinations = lists.flatMap((list) => list ?? []);
  const tags = (input.EmailTags ?? []).map(({ Name, Value }) => [Name, Value]);
  return {
    raw: Buffer.from(input.Content.Raw.Data, 'base64'),
    tags: Object.fromEntries(tags),
    ...(typeof source === 'string' && { source }),
    ...(destinations.length > 0 && { destinations }),
    ...(typeof configurationSet === 'string' && { configurationSet }),
  };
}
