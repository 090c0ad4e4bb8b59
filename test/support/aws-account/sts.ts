import * as v from 'valibot';
import { done, type Operation, operation } from './account-operation.ts';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export const STS: Readonly<Record<string, Operation>> = {
  GetCallerIdentity: operation(v.object({}), 'ValidationError', ({ id, caller }) =>
    done({ UserId: caller.userId, Account: id, Arn: caller.arn }),
  ),
};
