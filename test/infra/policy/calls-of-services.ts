import type { Principal } from './evaluate-policies.ts';
import { OVER_TLS, type Permission } from './needed-permissions.ts';
import { ACCOUNT, arnOf, type Resources } from './resolved-template.ts';

/** A service of AWS, and what it does with the resources of the pipeline of its own accord. */
export interface CallingService {
  readonly principal: Principal;
  readonly needed: readonly Permission[];
}

/**
 * The way of the events: SES publishes them to the topic, SNS puts them into the queue, or among the dead
 * letters where it cannot. No code of ours makes these calls, and the emulators ask for no permission: they are listed
 * by what AWS says that they need.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html
 * https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
 */
export function callingServices(resources: Resources): CallingService[] {
  const find = (type: string, name = /./) => arnOfThe(type, name, resources);
  const topic = find('AWS::SNS::Topic', /-mail-events-/);
  const bySes = {
    ...OVER_TLS,
    'aws:SourceAccount': ACCOUNT,
    'aws:SourceArn': find('AWS::SES::ConfigurationSet'),
  };
  const bySns = { ...OVER_TLS, 'aws:SourceArn': topic };
  return [
    {
      principal: { kind: 'service', name: 'ses.amazonaws.com' },
      needed: [{ action: 'sns:Publish', resource: topic, context: bySes }],
    },
    {
      principal: { kind: 'service', name: 'sns.amazonaws.com' },
      needed: [/-mail-feedback-(?!dead)/, /-feedback-dead-letters-/].map((name) => ({
        action: 'sqs:SendMessage',
        resource: find('AWS::SQS::Queue', name),
        context: bySns,
      })),
    },
  ];
}

/** The ARN of the only resource of a type whose ARN has this in it. */
export function arnOfThe(type: string, name: RegExp, resources: Resources): string {
  const ids = Object.keys(resources).filter((id) => resources[id]?.Type === type);
  const [arn, ...others] = ids.flatMap((id) => arnOf(id, resources) ?? []).filter((one) => name.test(one));
  if (arn === undefined || others.length > 0) throw new Error(`not one ${type} like ${name}`);
  return arn;
}
