import { randomUUID } from 'node:crypto';
import type { Answer, PreparedCall, SesService, Wire, WireError, WireRequest } from './http-exchange.ts';
import type { StatisticsPoint } from './send-statistics.ts';
import type { Refusal, RefusalReason, Submission } from './submission.ts';

const NAMESPACE = 'http://ses.amazonaws.com/doc/2010-12-01/';

/** Codes from the SES v1 API reference and its "Common Errors". */
const ERRORS: Readonly<Record<RefusalReason, { readonly code: string; readonly status: number }>> = {
  'invalid-parameter': { code: 'InvalidParameterValue', status: 400 },
  'missing-parameter': { code: 'ValidationError', status: 400 },
  'malformed-request': { code: 'MalformedQueryString', status: 400 },
  'message-rejected': { code: 'MessageRejected', status: 400 },
  throttled: { code: 'Throttling', status: 400 },
  'unknown-configuration-set': { code: 'ConfigurationSetDoesNotExist', status: 400 },
  'configuration-set-paused': { code: 'ConfigurationSetSendingPausedException', status: 400 },
  'account-paused': { code: 'AccountSendingPausedException', status: 400 },
  'unknown-operation': { code: 'InvalidAction', status: 400 },
  unauthenticated: { code: 'MissingAuthenticationToken', status: 403 },
  'wrong-credential-scope': { code: 'SignatureDoesNotMatch', status: 403 },
  'request-too-large': { code: 'RequestEntityTooLarge', status: 413 },
  'internal-failure': { code: 'InternalFailure', status: 500 },
  unavailable: { code: 'ServiceUnavailable', status: 503 },
};

/** Reads an action's parameters from the request form. To add an action, add an entry to the table. */
type Action = (form: URLSearchParams, service: SesService) => PreparedCall;

const ACTIONS: Readonly<Record<string, Action>> = {
  SendRawEmail: sendRawEmail,
  GetSendQuota: getSendQuota,
  GetSendStatistics: getSendStatistics,
};

/** SES v1: the request is a form with an `Action`, the response is XML. */
export function queryProtocol(service: SesService): Wire {
  return { api: 'v1', prepare: (request) => prepare(request, service), refuse, error: errorAnswer };
}

function prepare(request: WireRequest, service: SesService): PreparedCall {
  const form = new URLSearchParams(request.body.toString('latin1'));
  const name = form.get('Action') ?? '';
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (request.method === 'POST' && action !== undefined) return action(form, service);
  return refused('unknown', {
    reason: 'unknown-operation',
    message: `Could not find operation ${name} for version ${form.get('Version') ?? 'NO_VERSION_SPECIFIED'}`,
  });
}

function sendRawEmail(form: URLSearchParams, service: SesService): PreparedCall {
  const operation = 'SendRawEmail';
  const data = form.get('RawMessage.Data');
  if (data === null) return refused(operation, missing('rawMessage.data'));
  const submission = readSubmission(form, Buffer.from(data, 'base64'));
  return {
    api: 'v1',
    operation,
    submission,
    perform: () => {
      const outcome = service.send(submission, 'v1');
      if (outcome.kind === 'refused') return refuse(outcome.refusal);
      return success(operation, element('MessageId', outcome.mail.sesMessageId));
    },
  };
}

function readSubmission(form: URLSearchParams, raw: Buffer): Submission {
  const source = form.get('Source');
  const destinations = members(form, 'Destinations.member', '');
  const configurationSet = form.get('ConfigurationSetName');
  const values = members(form, 'Tags.member', '.Value');
  const tags = members(form, 'Tags.member', '.Name').map((name, index) => [name, values[index] ?? '']);
  return {
    raw,
    tags: Object.fromEntries(tags),
    ...(source !== null && { source }),
    ...(destinations.length > 0 && { destinations }),
    ...(configurationSet !== null && { configurationSet }),
  };
}

/** The values of a list; the query protocol numbers them from 1. */
function members(form: URLSearchParams, prefix: string, suffix: string): string[] {
  const values: string[] = [];
  for (let number = 1; ; number += 1) {
    const value = form.get(`${prefix}.${number}${suffix}`);
    if (value === null) return values;
    values.push(value);
  }
}

function getSendQuota(_form: URLSearchParams, service: SesService): PreparedCall {
  const operation = 'GetSendQuota';
  const { account } = service;
  return {
    api: 'v1',
    operation,
    perform: () =>
      success(
        operation,
        element('Max24HourSend', account.max24HourSend.toFixed(1)) +
          element('MaxSendRate', account.maxSendRate.toFixed(1)) +
          element('SentLast24Hours', service.sentLast24Hours().toFixed(1)),
      ),
  };
}

function getSendStatistics(_form: URLSearchParams, { statistics }: SesService): PreparedCall {
  const operation = 'GetSendStatistics';
  const member = ({ at, attempts, bounces, complaints }: StatisticsPoint) =>
    `<member>${[
      element('Timestamp', at.toISOString()),
      element('DeliveryAttempts', String(attempts)),
      element('Bounces', String(bounces)),
      element('Complaints', String(complaints)),
      element('Rejects', '0'),
    ].join('')}</member>`;
  return {
    api: 'v1',
    operation,
    perform: () =>
      success(operation, `<SendDataPoints>${statistics.points.map(member).join('')}</SendDataPoints>`),
  };
}

function refused(operation: string, refusal: Refusal): PreparedCall {
  return { api: 'v1', operation, perform: () => refuse(refusal) };
}

function missing(member: string): Refusal {
  return {
    reason: 'missing-parameter',
    message: `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  };
}

function refuse(refusal: Refusal): Answer {
  return errorAnswer({ ...ERRORS[refusal.reason], message: refusal.message });
}

function errorAnswer({ code, message, status }: WireError): Answer {
  const type = element('Type', status < 500 ? 'Sender' : 'Receiver');
  const error = `<Error>${type}${element('Code', code)}${element('Message', message)}</Error>`;
  const requestId = randomUUID();
  const body = `<ErrorResponse xmlns="${NAMESPACE}">${error}${element('RequestId', requestId)}</ErrorResponse>`;
  return { status, headers: headers(requestId), body, code };
}

function success(operation: string, result: string): Answer {
  const requestId = randomUUID();
  const metadata = `<ResponseMetadata>${element('RequestId', requestId)}</ResponseMetadata>`;
  const body = `<${operation}Response xmlns="${NAMESPACE}"><${operation}Result>${result}</${operation}Result>${metadata}</${operation}Response>`;
  return { status: 200, headers: headers(requestId), body };
}

function headers(requestId: string): Record<string, string> {
  return { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
