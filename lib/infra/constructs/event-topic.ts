import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { ConfigurationSetEventDestination, EmailSendingEvent, EventDestination } from 'aws-cdk-lib/aws-ses';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { SendingConfiguration } from './sending-configuration.ts';

/** Every status of a mail. Opens and clicks are left out: they would need links that spy on readers. */
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

  /** The events are about its mail. */
  readonly sendingConfiguration: SendingConfiguration;
}

/**
 * Where SES publishes the events of the mail of one configuration set.
 *
 * SNS, not EventBridge: AWS delivers SES's events to EventBridge at best effort, whereas SNS retries for weeks and then
 * puts them into the dead letter queue. A lost Send event would cost a second copy of a mail.
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
    // It adds to the topic's policy that only this configuration set may publish, and waits for that: SES tests the
    // topic when the destination is created.
    new ConfigurationSetEventDestination(this, 'Destination', {
      configurationSet: sendingConfiguration.configurationSet,
      destination: EventDestination.snsTopic(this.topic),
      events: EVENTS,
    });
  }

  /**
   * Events contain whole addresses. SES cannot use the key that AWS manages for SNS, because its policy cannot be
   * changed.
   *
   * @see https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
   */
  private createKey(): Key {
    const key = new Key(this, 'Key', {
      description: `Encrypts the events of SES in ${this.node.path}`,
      enableKeyRotation: true,
      // Without the topic there is nothing to decrypt: a topic keeps no message that it has delivered.
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('ses.amazonaws.com')],
        actions: ['kms:GenerateDataKey*', 'kms:Decrypt'],
        resources: ['*'],
        conditions: {
          // The topic's own policy limits it to one configuration set.
          StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
        },
      }),
    );
    return key;
  }
}
