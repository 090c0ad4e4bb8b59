/** Stands in for `@aws-sdk/client-ses` in the Lambdas, with the operations that they use. */
import type {
  GetSendQuotaResponse,
  GetSendStatisticsResponse,
  SendRawEmailRequest,
  SendRawEmailResponse,
} from '@aws-sdk/client-ses';
import {
  type ClientConfig,
  type Command,
  readText,
  ServiceClient,
  type ServiceRequest,
  type ServiceResponse,
} from './service-client.ts';
import { childOf, type Element, numberOf, parseXml, readXmlError, textOf } from './xml.ts';

export class SESClient extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    super({ id: 'SES', signingName: 'ses', hostPrefix: 'email', readError: readXmlError }, config);
  }
}

const API_VERSION = '2010-12-01';

/**
 * An operation by the protocol AWS Query: a form as the request, XML as the response.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
abstract class SesCommand<Input extends object, Output> implements Command<Output> {
  protected abstract readonly operation: string;
  readonly #input: Input;

  constructor(input: Input) {
    this.#input = input;
  }

  protected abstract output(result: Element): Output;

  request(): ServiceRequest {
    const fields = [...formFields({ Action: this.operation, Version: API_VERSION, ...this.#input })];
    return {
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: fields
        .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
        .join('&'),
    };
  }

  async read({ body }: ServiceResponse): Promise<Output> {
    const response = childOf(parseXml(await readText(body)), `${this.operation}Response`);
    return this.output(childOf(response, `${this.operation}Result`));
  }
}

export class SendRawEmailCommand extends SesCommand<SendRawEmailRequest, SendRawEmailResponse> {
  protected override readonly operation = 'SendRawEmail';

  protected override output(result: Element): SendRawEmailResponse {
    return { MessageId: textOf(result, 'MessageId') };
  }
}

export class GetSendQuotaCommand extends SesCommand<object, GetSendQuotaResponse> {
  protected override readonly operation = 'GetSendQuota';

  protected override output(result: Element): GetSendQuotaResponse {
    return {
      Max24HourSend: numberOf(result, 'Max24HourSend'),
      MaxSendRate: numberOf(result, 'MaxSendRate'),
      SentLast24Hours: numberOf(result, 'SentLast24Hours'),
    };
  }
}

export class GetSendStatisticsCommand extends SesCommand<object, GetSendStatisticsResponse> {
  protected override readonly operation = 'GetSendStatistics';

  protected override output(result: Element): GetSendStatisticsResponse {
    const { member = [] } = childOf(result, 'SendDataPoints');
    const points = [member].flat().filter((point): point is Element => typeof point === 'object');
    return {
      SendDataPoints: points.map((point) => ({
        Timestamp: new Date(textOf(point, 'Timestamp') ?? Number.NaN),
        DeliveryAttempts: numberOf(point, 'DeliveryAttempts'),
        Bounces: numberOf(point, 'Bounces'),
        Complaints: numberOf(point, 'Complaints'),
        Rejects: numberOf(point, 'Rejects'),
      })),
    };
  }
}

/** `Tags: [{ Name: 'a' }]` as `Tags.member.1.Name=a`; bytes in base64. */
function* formFields(input: object, prefix = ''): Generator<[string, string]> {
  for (const [key, value] of Object.entries(input)) {
    const name = `${prefix}${key}`;
    if (value === undefined) continue;
    if (value instanceof Uint8Array) yield [name, Buffer.from(value).toString('base64')];
    else if (Array.isArray(value)) {
      yield* formFields(Object.fromEntries(value.map((item, index) => [index + 1, item])), `${name}.member.`);
    } else if (typeof value === 'object') yield* formFields(value, `${name}.`);
    else yield [name, String(value)];
  }
}
