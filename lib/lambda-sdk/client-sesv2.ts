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
    const Data = Buffer.from(Content.Raw.Data).toString('base64');
    return {
      method: 'POST',
      path: '/v2/email/outbound-emails',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...input, Content: { Raw: { Data } } }),
    };
  }

  async read({ body }: ServiceResponse): Promise<SendEmailResponse> {
    return JSON.parse(await readText(body));
  }
}

export class GetAccountCommand implements Command<GetAccountResponse> {
  request(): ServiceRequest {
    return { method: 'GET', path: '/v2/email/account' };
  }

  async read({ body }: ServiceResponse): Promise<GetAccountResponse> {
    return JSON.parse(await readText(body));
  }
}
