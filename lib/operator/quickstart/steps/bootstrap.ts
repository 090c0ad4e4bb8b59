import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { describeStack } from '../../deployment.ts';
import { done, open, type QuickstartContext, type QuickstartStep } from '../quickstart-step.ts';
import { askAndRunCdk, cdkCommand } from '../run-cdk.ts';
import { stackCondition } from '../stack-condition.ts';

/** https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping.html */
const TOOLKIT = 'CDKToolkit';

export const BOOTSTRAP: QuickstartStep = {
  name: 'bootstrap',
  explain: () =>
    'The CDK needs a bucket and a few roles in the account and Region that it deploys to, once; they cost next to nothing.',
  isDone: async (context) => {
    const { aws, signal } = context;
    const stack = await describeStack(await aws.cloudFormation(), TOOLKIT, signal);
    if (stack !== undefined && stackCondition(stack.status) === 'fine') return done(`${TOOLKIT} is there`);
    const detail = stack === undefined ? `there is no stack ${TOOLKIT}` : `${TOOLKIT} is ${stack.status}`;
    return open(detail, cdkCommand(context, await bootstrapArguments(context)).join(' '));
  },
  run: async (context, before) => askAndRunCdk(context, await bootstrapArguments(context), before),
};

/** The account is named, so that the question names it, too. */
async function bootstrapArguments({ aws, signal }: QuickstartContext): Promise<readonly string[]> {
  const sts = await aws.sts();
  const { Account } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
  return ['bootstrap', `aws://${Account}/${aws.region}`];
}
