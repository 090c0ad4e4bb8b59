import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { ConfigurationSetEventDestination, EmailSendingEvent, EventDestination } from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { SendingConfiguration } from './sending-configuration.ts';

/** All that can become of a mail. Opens and clicks are not asked for: they would need links that spy on readers. */
const EVENTS = [
  EmailSendingEvent.SEND,
  EmailSendingEvent.DELIVERY,
  EmailSendingEvent.DELIVERY_DELAY,
  EmailSendingEvent.BOUNCE,
  EmailSendingEvent.COMPLAINT,
  EmailSendingEvent.REJECT,
  EmailSendingEvent.RENDERING_FAILURE,
];

export interface EventTopicProps {
  readonly topicName: string;

  /** Whose mail the events are about. */
  readonly sendingConfiguration: SendingConfiguration;
}

/**
 * Where SES publishes what became of the mail of one configuration set.
 *
 * By SNS, and not by EventBridge: AWS calls the delivery of SES's events to EventBridge best effort, whereas SNS
 * retries for weeks and then puts them among the dead letters. A lost Send event would cost a second copy of a mail.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html
 */
export class EventTopic extends Construct {
  readonly topic: Topic;
  readonly key: Key;

  constructor(scope: Construct, id: string, { topicName, sendingConfiguration }: EventTopicProps) {
    super(scope, id);
    this.key = this.createKey();
    this.topic = new Topic(this, 'Topic', { topicName, masterKey: this.key, enforceSSL: true });
    // It adds to the policy of the topic that this configuration set alone may publish, and waits for that: SES
    // tries the topic when the destination is made.
    new ConfigurationSetEventDestination(this, 'Destination', {
      configurationSet: sendingConfiguration.configurationSet,
      destination: EventDestination.snsTopic(this.topic),
      events: EVENTS,
    });
  }

  /**
   * Events carry whole addresses. The key that AWS manages for SNS is out of reach for SES, since nobody can change
   * its policy.
   *
   * @see https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
   */
  private createKey(): Key {
    const key = new Key(this, 'Key', {
      description: `Encrypts the events of SES in ${this.node.path}`,
      enableKeyRotation: true,
      // Without the topic there is nothing left to decrypt: a topic keeps no message that it has delivered.
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('ses.amazonaws.com')],
        actions: ['kms:GenerateDataKey*', 'kms:Decrypt'],
        resources: ['*'],
        conditions: {
          // Which configuration set may publish, the topic's own policy says.
          StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
        },
      }),
    );
    return key;
  }
}
