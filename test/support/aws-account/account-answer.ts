import { randomUUID } from 'node:crypto';
import type { AccountError } from './account-operation.ts';
import type { Protocol } from './account-service.ts';
import { xmlOf } from './xml-of.ts';

/** A response as it is written. */
export interface AccountAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The output of a call, in the protocol of its service. */
export function outputAnswer(
  protocol: Protocol,
  action: string,
  output: Readonly<Record<string, unknown>>,
): AccountAnswer {
  const requestId = randomUUID();
  if (protocol.kind !== 'query') {
    return { status: 200, headers: jsonHeaders(protocol, requestId), body: jsonOf(output) };
  }
  const metadata = `<ResponseMetadata>${xmlOf('RequestId', requestId)}</ResponseMetadata>`;
  const result = xmlOf(`${action}Result`, output);
  const body = `<${action}Response xmlns="${protocol.namespace}">${result}${metadata}</${action}Response>`;
  return { status: 200, headers: xmlHeaders(requestId), body };
}

export function errorAnswer(protocol: Protocol, { code, message, status }: AccountError): AccountAnswer {
  const requestId = randomUUID();
  if (protocol.kind === 'query') {
    const error = xmlOf('Error', {
      Type: status < 500 ? 'Sender' : 'Receiver',
      Code: code,
      Message: message,
    });
    const id = xmlOf('RequestId', requestId);
    const body = `<ErrorResponse xmlns="${protocol.namespace}">${error}${id}</ErrorResponse>`;
    return { status, headers: xmlHeaders(requestId), body };
  }
  const headers = { ...jsonHeaders(protocol, requestId), 'x-amzn-errortype': code };
  return { status, headers, body: JSON.stringify({ __type: code, message }) };
}

/** Times are in seconds since 1970. */
function jsonOf(output: object): string {
  return JSON.stringify(output, function (this: Record<string, unknown>, key, value: unknown) {
    const original = this[key];
    return original instanceof Date ? original.getTime() / 1000 : value;
  });
}

function jsonHeaders(protocol: Exclude<Protocol, { kind: 'query' }>, requestId: string) {
  const type = protocol.kind === 'json' ? `x-amz-json-${protocol.version}` : 'json';
  return { 'content-type': `application/${type}`, 'x-amzn-requestid': requestId };
}

function xmlHeaders(requestId: string): Record<string, string> {
  return { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
}
