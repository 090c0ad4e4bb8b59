import * as v from 'valibot';
import type { AwsAccount } from './aws-account.ts';

/** The result of a call. */
export type OperationResult =
  | { readonly kind: 'done'; readonly output: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused'; readonly error: AccountError };

/** An error in the terms of AWS's services. */
export interface AccountError {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

/** The parameters of a call: strings if they come in a form, a path or a query. */
export type OperationInput = Readonly<Record<string, unknown>>;

export type Operation = (account: AwsAccount, input: OperationInput) => OperationResult;

/** The error code of a service for invalid parameters. */
export type InvalidCode = 'ValidationError' | 'ValidationException' | 'InvalidParameterValueException';

/** An operation that rejects input which does not match the schema before it does anything. */
export function operation<Schema extends v.GenericSchema>(
  schema: Schema,
  invalidCode: InvalidCode,
  perform: (account: AwsAccount, input: v.InferOutput<Schema>) => OperationResult,
): Operation {
  return (account, input) => {
    const parsed = v.safeParse(schema, input);
    if (parsed.success) return perform(account, parsed.output);
    const [issue] = parsed.issues;
    return refused(invalidCode, `${v.getDotPath(issue) ?? 'input'}: ${issue.message}`);
  };
}

export function done(output: Readonly<Record<string, unknown>>): OperationResult {
  return { kind: 'done', output };
}

export function refused(code: string, message: string, status = 400): OperationResult {
  return { kind: 'refused', error: { code, message, status } };
}
