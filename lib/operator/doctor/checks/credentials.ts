import { type Check, ok } from '../check.ts';

/** Who the calls are made as, and where. */
export const CREDENTIALS_CHECK: Check = {
  group: 'account',
  name: 'credentials',
  run: async ({ lookups, aws }) => {
    const { account, arn } = await lookups.caller();
    // The user or the session; what stands before it is the account once more.
    return ok(`account ${account} as ${arn.split(':').slice(5).join(':')}, Region ${aws.region}`);
  },
};
