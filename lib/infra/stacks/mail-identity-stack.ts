import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DomainIdentity } from '../constructs/domain-identity.ts';
import type { Settings } from '../settings.ts';

export interface MailIdentityStackProps extends StackProps {
  readonly settings: Settings;
}

/**
 * The verified domain. SES has one identity for a domain in a Region of an account, so it belongs to no stage: the stack
 * has the same name and content for each stage, and it outlives them.
 */
export class MailIdentityStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: MailIdentityStackProps) {
    super(scope, id, {
      description: `The SES identity of ${settings.domain}, shared by all stages of the mail pipeline`,
      terminationProtection: true,
      ...props,
    });
    const { domain, existingIdentity, mailFromSubdomain, hostedZoneId, publishDmarc } = settings;
    new DomainIdentity(this, 'DomainIdentity', {
      domain,
      exists: existingIdentity,
      mailFromDomain: `${mailFromSubdomain}.${domain}`,
      ...(hostedZoneId === undefined ? {} : { hostedZoneId }),
      publishDmarc,
    });
  }
}
