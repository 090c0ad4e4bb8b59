import * as v from 'valibot';
import { done, type Operation, type OperationResult, operation, refused } from './account-operation.ts';
import type { AwsAccount, Subscription, Topic } from './aws-account.ts';
import { pageOf } from './page-of.ts';

const PAGE_SIZE = 100;

const ofTopic = v.object({ TopicArn: v.string() });
const listInput = v.object({ ...ofTopic.entries, NextToken: v.optional(v.string()) });

/** https://docs.aws.amazon.com/sns/latest/api/API_Operations.html */
export const SNS: Readonly<Record<string, Operation>> = {
  GetTopicAttributes: operation(ofTopic, 'ValidationError', getTopicAttributes),
  ListSubscriptionsByTopic: operation(listInput, 'ValidationError', listSubscriptionsByTopic),
};

function getTopicAttributes(
  account: AwsAccount,
  { TopicArn: arn }: v.InferOutput<typeof ofTopic>,
): OperationResult {
  const topic = account.topics.get(arn);
  if (topic === undefined) return unknownTopic();
  const confirmed = topic.subscriptions.filter((subscription) => subscription.confirmed).length;
  return done({
    Attributes: new Map([
      ['TopicArn', arn],
      ['Owner', account.id],
      ['DisplayName', ''],
      ['SubscriptionsConfirmed', String(confirmed)],
      ['SubscriptionsPending', String(topic.subscriptions.length - confirmed)],
      ['SubscriptionsDeleted', '0'],
    ]),
  });
}

function listSubscriptionsByTopic(
  account: AwsAccount,
  { TopicArn: arn, NextToken: token }: v.InferOutput<typeof listInput>,
): OperationResult {
  const topic = account.topics.get(arn);
  if (topic === undefined) return unknownTopic();
  const numbered = topic.subscriptions.map((subscription, index) => ({ subscription, index }));
  const page = pageOf(numbered, token, account.pageSize ?? PAGE_SIZE);
  if (page === undefined) return refused('InvalidParameter', 'Invalid parameter: NextToken');
  return done({
    Subscriptions: page.items.map(({ subscription, index }) =>
      described(subscription, index, topic, account),
    ),
    NextToken: page.next,
  });
}

/** A pending subscription has no ARN yet. */
function described(
  { protocol, endpoint, confirmed }: Subscription,
  index: number,
  { arn }: Topic,
  { id }: AwsAccount,
) {
  const number = String(index).padStart(12, '0');
  return {
    SubscriptionArn: confirmed ? `${arn}:00000000-0000-4000-8000-${number}` : 'PendingConfirmation',
    Owner: id,
    Protocol: protocol,
    Endpoint: endpoint,
    TopicArn: arn,
  };
}

function unknownTopic(): OperationResult {
  return refused('NotFound', 'Topic does not exist', 404);
}
