import { type HttpResponse, loadRestJsonErrorCode } from '@smithy/core/protocols';
import {
  type Command,
  readText,
  type ServiceFault,
  type ServiceRequest,
  type ServiceResponse,
} from './service-client.ts';

/**
 * An operation by the protocol AWS JSON 1.0: the input as it is, and the output as it comes. Bytes and times would have
 * another form in it; the Lambdas give and read none.
 *
 * @param target the service and the operation: `AmazonSQS.SendMessage`
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 */
export function jsonCommand<Input, Output>(target: string): new (input: Input) => Command<Output> {
  return class implements Command<Output> {
    readonly #input: Input;

    constructor(input: Input) {
      this.#input = input;
    }

    request(): ServiceRequest {
      return {
        method: 'POST',
        path: '/',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target },
        body: JSON.stringify(this.#input),
      };
    }

    async read({ body }: ServiceResponse): Promise<Output> {
      return JSON.parse((await readText(body)) || '{}');
    }
  };
}

/** Where a REST service has it, in a header, and in `__type`, where the others have it. */
export function readJsonError(response: HttpResponse, body: string): ServiceFault {
  try {
    const fault = JSON.parse(body);
    return { code: loadRestJsonErrorCode(response, fault), message: fault.message ?? fault.Message };
  } catch {
    // From what stands before the service, a proxy.
    return { code: undefined, message: undefined };
  }
}
