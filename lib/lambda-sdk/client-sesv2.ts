/** Stands in for `@aws-sdk/client-sesv2` in the Lambdas, with the operations that they use. */
import type { GetAccountResponse, SendEmailRequest, SendEmailResponse } from '@aws-sdk/client-sesv2';
import { readJsonError } from './json-command.ts';
import {
  type ClientConfig,
  type Command,
  readText,
  ServiceClient,
  type ServiceRequest,
  type ServiceResponse,
} from './service-client.ts';

export class SESv2Client extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    super({ id: 'SESV2', signingName: 'ses', hostPrefix: 'email', readError: readJsonError }, config);
  }
}

type RawEmail = Omit<SendEmailRequest, 'Content'> & {
  readonly Content: { readonly Raw: { readonly Data: Uint8Array } };
};

export class SendEmailCommand implements Command<SendEmailResponse> {
  readonly #input: RawEmail;

  constructor(input: RawEmail) {
    this.#input = input;
  }

  request(): ServiceRequest {
    const { Content, ...input } = this.#input;
    return {
      method: 'POST',
      path: '/v2/email/outbound-emails',
      headers: { 'content-type': 'application/json' },
      body: withData(JSON.stringify({ ...input, Content: { Raw: { Data: '' } } }), Content.Raw.Data),
    };
  }

  async read({ body }: ServiceResponse): Promise<SendEmailResponse> {
    return JSON.parse(await readText(body));
  }
}

/** Of bytes that are encoded at a time: a multiple of three, so that no slice but the last one is padded. */
const SLICE_BYTES = 3 * 64 * 1024;

/** Puts the bytes in base64 into the empty string at the end: a mail of 40 MB would be there as two strings, too. */
function withData(json: string, data: Uint8Array): Buffer {
  const end = '"}}}';
  const head = json.slice(0, -end.length);
  const headBytes = Buffer.byteLength(head);
  const body = Buffer.alloc(headBytes + 4 * Math.ceil(data.length / 3) + end.length);
  let at = body.write(head);
  for (let start = 0; start < data.length; start += SLICE_BYTES) {
    at += body.write(Buffer.from(data.subarray(start, start + SLICE_BYTES)).toString('base64'), at, 'latin1');
  }
  body.write(end, at);
  return body;
}

export class GetAccountCommand implements Command<GetAccountResponse> {
  request(): ServiceRequest {
    return { method: 'GET', path: '/v2/email/account' };
  }

  async read({ body }: ServiceResponse): Promise<GetAccountResponse> {
    return JSON.parse(await readText(body));
  }
}
