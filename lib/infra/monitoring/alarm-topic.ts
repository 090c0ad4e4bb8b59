import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';

export interface AlarmTopicProps {
  readonly topicName: string;

  /** Alarms whose names begin with it may publish. */
  readonly alarmPrefix: string;

  /** They get alarms by mail, after confirming the subscription. */
  readonly emails: readonly string[];
}

/**
 * Sends alarms to its subscribers.
 *
 * Not encrypted at rest: CloudWatch cannot use the key that AWS manages for SNS, and a key of its own would cost a dollar
 * a month and could fail and block an alarm. An alarm contains nothing of a mail, and a topic keeps no message that it
 * has delivered.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 */
export class AlarmTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { topicName, alarmPrefix, emails }: AlarmTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { topicName, enforceSSL: true });
    this.topic.addToResourcePolicy(this.letAlarmsPublish(alarmPrefix));
    for (const email of new Set(emails)) this.topic.addSubscription(new EmailSubscription(email));
  }

  /** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html */
  private letAlarmsPublish(alarmPrefix: string): PolicyStatement {
    const { account, partition, region } = Stack.of(this);
    return new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [this.topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: {
          'aws:SourceArn': `arn:${partition}:cloudwatch:${region}:${account}:alarm:${alarmPrefix}*`,
        },
      },
    });
  }
}
