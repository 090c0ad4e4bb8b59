import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { Answer, WireRequest } from './http-exchange.ts';
import type { Submission } from './mail.ts';
import type { Refusal, RefusalReason } from './refusal.ts';
import type { PreparedCall, SesService, Wire, WireError } from './wire.ts';

/**
 * Errors that v2 declares. It has one error for all bad input, and one for sending that is paused whether for
 * the account or for a configuration set; ConfigurationSetSendingPausedException exists in v1 alone. Codes of
 * errors that no operation declares (the credentials, unknown paths) are those of other REST services of AWS.
 */
const ERRORS: Readonly<Record<RefusalReason, { readonly code: string; readonly status: number }>> = {
  'invalid-parameter': { code: 'BadRequestException', status: 400 },
  'missing-parameter': { code: 'BadRequestException', status: 400 },
  'malformed-request': { code: 'SerializationException', status: 400 },
  'message-rejected': { code: 'MessageRejected', status: 400 },
  throttled: { code: 'TooManyRequestsException', status: 429 },
  'unknown-configuration-set': { code: 'NotFoundException', status: 404 },
  'configuration-set-paused': { code: 'SendingPausedException', status: 400 },
  'account-paused': { code: 'SendingPausedException', status: 400 },
  'unknown-operation': { code: 'UnknownOperationException', status: 404 },
  unauthenticated: { code: 'MissingAuthenticationTokenException', status: 403 },
  'wrong-credential-scope': { code: 'InvalidSignatureException', status: 403 },
  'request-too-large': { code: 'RequestEntityTooLargeException', status: 413 },
  'internal-failure': { code: 'InternalServiceErrorException', status: 500 },
  unavailable: { code: 'ServiceUnavailableException', status: 503 },
};

/** An operation: reads its input from the request. A new one is one more row of the table. */
interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly prepare: (request: WireRequest, service: SesService) => PreparedCall;
}

const ROUTES: readonly Route[] = [
  { method: 'POST', path: /^\/v2\/email\/outbound-emails\/?$/, prepare: sendEmail },
  { method: 'GET', path: /^\/v2\/email\/account\/?$/, prepare: getAccount },
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

/** SES v2: paths and methods name the operation, JSON goes both ways, errors are named in a header. */
export function restProtocol(service: SesService): Wire {
  return { api: 'v2', prepare: (request) => prepare(request, service), refuse, error: errorAnswer };
}

function prepare(request: WireRequest, service: SesService): PreparedCall {
  const route = ROUTES.find(({ method, path }) => method === request.method && path.test(request.path));
  if (route !== undefined) return route.prepare(request, service);
  return refused('unknown', {
    reason: 'unknown-operation',
    message: `No operation of SES v2, or none that the double knows: ${request.method} ${request.path}`,
  });
}

function sendEmail(request: WireRequest, service: SesService): PreparedCall {
  const operation = 'SendEmail';
  const input = readInput(request.body);
  if (!input.success) return refused(operation, input.refusal);
  const { submission } = input;
  return {
    api: 'v2',
    operation,
    submission,
    perform: () => {
      const outcome = service.send(submission, 'v2');
      if (outcome.kind === 'refused') return refuse(outcome.refusal);
      return success({ MessageId: outcome.mail.sesMessageId });
    },
  };
}

type ReadInput =
  | { readonly success: true; readonly submission: Submission }
  | { readonly success: false; readonly refusal: Refusal };

function readInput(body: Buffer): ReadInput {
  const json = parseJson(body);
  if (json === undefined) {
    return { success: false, refusal: { reason: 'malformed-request', message: 'The body is not JSON.' } };
  }
  const parsed = v.safeParse(sendEmailInput, json);
  if (parsed.success) return { success: true, submission: toSubmission(parsed.output) };
  const path = v.getDotPath(parsed.issues[0]) ?? 'body';
  // simple and templated content are not modelled: the message says so by its path
  const message = `${path}: ${parsed.issues[0].message}`;
  return { success: false, refusal: { reason: 'missing-parameter', message } };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
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

function getAccount(_request: WireRequest, service: SesService): PreparedCall {
  const { account } = service;
  return {
    api: 'v2',
    operation: 'GetAccount',
    perform: () =>
      success({
        DedicatedIpAutoWarmupEnabled: false,
        EnforcementStatus: account.enforcementStatus,
        ProductionAccessEnabled: !account.sandbox,
        SendQuota: {
          Max24HourSend: account.max24HourSend,
          MaxSendRate: account.maxSendRate,
          SentLast24Hours: service.sentLast24Hours(),
        },
        SendingEnabled: account.sendingEnabled,
      }),
  };
}

function refused(operation: string, refusal: Refusal): PreparedCall {
  return { api: 'v2', operation, perform: () => refuse(refusal) };
}

function refuse(refusal: Refusal): Answer {
  return errorAnswer({ ...ERRORS[refusal.reason], message: refusal.message });
}

function errorAnswer({ code, message, status }: WireError): Answer {
  return {
    status,
    headers: { ...headers(), 'x-amzn-errortype': code },
    body: JSON.stringify({ message }),
    code,
  };
}

function success(output: object): Answer {
  return { status: 200, headers: headers(), body: JSON.stringify(output) };
}

function headers(): Record<string, string> {
  return { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
}
