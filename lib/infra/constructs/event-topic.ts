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
 * No key of our own: the topic keeps no message that it has delivered, what waits lies in a queue that SQS encrypts, and
 * a key is one more service, quota and price between a mail and its status. With one, its policy would have to open it to
 * SES for every account, since AWS documents no condition for that.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/event-publishing-add-event-destination-sns.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event.html
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-data-encryption.html
 */
export class EventTopic extends Construct {
  readonly topic: Topic;

  /** Its create fails if SES cannot publish to the topic. */
  readonly destination: ConfigurationSetEventDestination;

  constructor(scope: Construct, id: string, { topicName, sendingConfiguration }: EventTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { topicName, enforceSSL: true });
    // It adds to the topic's policy that only this configuration set may publish, and waits for that: SES tests the
    // topic when the destination is created.
    this.destination = new ConfigurationSetEventDestination(this, 'Destination', {
      configurationSet: sendingConfiguration.configurationSet,
      destination: EventDestination.snsTopic(this.topic),
      events: EVENTS,
    });
  }
}
