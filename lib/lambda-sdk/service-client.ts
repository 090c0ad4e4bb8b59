import type { IncomingMessage } from 'node:http';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest, type HttpResponse } from '@smithy/core/protocols';
import {
  isServerError,
  isThrottlingError,
  isTransientError,
  StandardRetryStrategy,
} from '@smithy/core/retry';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';
import type { SdkError } from '@smithy/types';
import { untilAborted } from '../common/async.ts';

export interface ServiceRequest {
  readonly method: 'GET' | 'POST';
  /** Escaped. */
  readonly path: string;
  /** Lower case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface ServiceResponse extends Pick<HttpResponse, 'headers'> {
  readonly body: IncomingMessage;
}

/** One operation of a service with its input, as in the SDK. */
export interface Command<Output> {
  request(): ServiceRequest;
  /** @param response with a status of success */
  read(response: ServiceResponse): Promise<Output>;
}

export interface ServiceProps {
  /** In the name of its variable, `AWS_ENDPOINT_URL_<id>`. */
  readonly id: string;
  /** In the signature. */
  readonly signingName: string;
  /** Before the Region in the name of its host. */
  readonly hostPrefix: string;
  /** The code and the message of an error response. */
  readonly readError: (response: HttpResponse, body: string) => ServiceFault;
}

export interface ServiceFault {
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** Those options of the SDK's clients that the Lambdas use, with the same meanings and defaults. */
export interface ClientConfig {
  readonly maxAttempts?: number;
  readonly requestHandler?: Pick<NodeHttpHandlerOptions, 'connectionTimeout'>;
}

/**
 * Calls an AWS service from a Lambda, in place of the SDK's client: with the SDK's own signer, connections and retries,
 * but the few operations that the Lambdas use are written out, where the SDK builds every client from the schema of its
 * service when it is loaded. The Region, the credentials and another endpoint come from the environment, as Lambda
 * sets it.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export class ServiceClient {
  readonly #props: ServiceProps;
  readonly #http: NodeHttpHandler;
  readonly #retries: StandardRetryStrategy;
  readonly #signer: SignatureV4;
  readonly #endpoint: URL;
  readonly #env: NodeJS.ProcessEnv;

  /** @throws if the environment names no Region or no credentials */
  constructor(props: ServiceProps, { maxAttempts = 3, requestHandler = {} }: ClientConfig) {
    const { env } = process;
    const { id, signingName, hostPrefix } = props;
    const region = required(env, 'AWS_REGION');
    this.#props = props;
    this.#env = env;
    this.#http = new NodeHttpHandler(requestHandler);
    this.#retries = new StandardRetryStrategy(maxAttempts);
    this.#endpoint = new URL(
      env[`AWS_ENDPOINT_URL_${id}`] ??
        env.AWS_ENDPOINT_URL ??
        `https://${hostPrefix}.${region}.amazonaws.com`,
    );
    const { AWS_SESSION_TOKEN: sessionToken } = env;
    this.#signer = new SignatureV4({
      service: signingName,
      region,
      credentials: {
        accessKeyId: required(env, 'AWS_ACCESS_KEY_ID'),
        secretAccessKey: required(env, 'AWS_SECRET_ACCESS_KEY'),
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
      sha256: Sha256,
      // S3 alone signs a path as it is sent.
      uriEscapePath: signingName !== 's3',
    });
  }

  /**
   * @throws {@link ServiceError} if the service refuses; the error of the connection if it could not be reached; an
   * error named AbortError after the signal
   */
  async send<Output>(
    command: Command<Output>,
    { abortSignal }: { readonly abortSignal?: AbortSignal } = {},
  ): Promise<Output> {
    const { body, ...request } = command.request();
    // Signed and sent as it is, and for a mail of 40 MB there is no copy of it.
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    let token = await this.#retries.acquireInitialRetryToken(this.#props.id);
    for (;;) {
      try {
        const output = await command.read(await this.#exchange({ ...request, body: bytes }, abortSignal));
        this.#retries.recordSuccess(token);
        return output;
      } catch (thrown) {
        const error = thrown as SdkError;
        const wait = this.#retries.refreshRetryTokenForRetry(token, { error, errorType: retryTypeOf(error) });
        const next = abortSignal === undefined ? wait : untilAborted(wait, abortSignal);
        // It rejects where there are no attempts left, or the error is none that passes.
        token = await next.catch(() => {
          throw abortSignal?.aborted === true ? abortError(error) : error;
        });
      }
    }
  }

  /** Closes its connections; do not use it afterwards. */
  destroy(): void {
    this.#http.destroy();
  }

  async #exchange(
    {
      method,
      path,
      headers = {},
      body,
    }: Omit<ServiceRequest, 'body'> & { readonly body: Buffer | undefined },
    abortSignal: AbortSignal | undefined,
  ): Promise<ServiceResponse> {
    const { protocol, hostname, port, host } = this.#endpoint;
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const unsigned = new HttpRequest({
      method,
      protocol,
      hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      path,
      headers: { host, ...traceHeader(this.#env), ...length, ...headers },
      body,
    });
    const signed = await this.#signer.sign(unsigned);
    const { response } = await this.#http.handle(signed as HttpRequest, {
      ...(abortSignal === undefined ? {} : { abortSignal }),
    });
    // The handler for Node gives no other body.
    if (response.statusCode < 300) return response as ServiceResponse;
    const fault = this.#props.readError(response, await readText(response.body));
    throw new ServiceError(fault, response.statusCode);
  }
}

/** Named by the service's code, as the SDK's errors are. */
class ServiceError extends Error {
  readonly $metadata: { readonly httpStatusCode: number };

  constructor({ code = 'UnknownError', message }: ServiceFault, httpStatusCode: number) {
    super(message ?? `HTTP ${httpStatusCode}`);
    this.name = code;
    this.$metadata = { httpStatusCode };
  }
}

/** @throws if the connection breaks before the end */
export async function readText(body: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set, as Lambda sets it`);
  return value;
}

/** By it Lambda notices a function that feeds itself: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html */
function traceHeader({ _X_AMZN_TRACE_ID: traceId }: NodeJS.ProcessEnv): Record<string, string> {
  return traceId === undefined ? {} : { 'x-amzn-trace-id': traceId };
}

/** The kinds of error of the SDK's retries: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html */
function retryTypeOf(error: SdkError) {
  if (isThrottlingError(error)) return 'THROTTLING';
  if (isTransientError(error)) return 'TRANSIENT';
  return isServerError(error) ? 'SERVER_ERROR' : 'CLIENT_ERROR';
}

function abortError(cause: unknown): Error {
  const error = new Error('The call took too long', { cause });
  error.name = 'AbortError';
  return error;
}
