/** Stands in for `@aws-sdk/client-s3` in the Lambdas, with the operation that they use. */
import type { GetObjectOutput, GetObjectRequest } from '@aws-sdk/client-s3';
import { escapeUriPath } from '@smithy/core/protocols';
import { sdkStreamMixin } from '@smithy/core/serde';
import {
  type ClientConfig,
  type Command,
  ServiceClient,
  type ServiceRequest,
  type ServiceResponse,
} from './service-client.ts';
import { readXmlError } from './xml.ts';

export class S3Client extends ServiceClient {
  constructor(config: ClientConfig = {}) {
    super({ id: 'S3', signingName: 's3', hostPrefix: 's3', readError: readXmlError }, config);
  }
}

type GetObject = Pick<GetObjectRequest, 'Bucket' | 'Key'>;

/** With the bucket in the path: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export class GetObjectCommand implements Command<GetObjectOutput> {
  readonly #input: GetObject;

  constructor(input: GetObject) {
    this.#input = input;
  }

  request(): ServiceRequest {
    const { Bucket = '', Key = '' } = this.#input;
    return { method: 'GET', path: `/${escapeUriPath(`${Bucket}/${Key}`)}` };
  }

  async read({ headers, body }: ServiceResponse): Promise<GetObjectOutput> {
    return { Body: sdkStreamMixin(body), ContentLength: Number(headers['content-length'] ?? 0) };
  }
}
