import { Stack } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { ConfigurationSet, ConfigurationSetTlsPolicy } from 'aws-cdk-lib/aws-ses';
import { Construct } from 'constructs';

export interface SendingConfigurationProps {
  readonly configurationSetName: string;

  /** The verified domain; a grant allows From addresses of it and of its subdomains. */
  readonly domain: string;
}

/**
 * How SES sends for one stage, and who may send.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/using-configuration-sets.html
 */
export class SendingConfiguration extends Construct {
  readonly configurationSet: ConfigurationSet;

  private readonly domain: string;

  constructor(scope: Construct, id: string, props: SendingConfigurationProps) {
    super(scope, id);
    this.domain = props.domain;
    this.configurationSet = new ConfigurationSet(this, 'ConfigurationSet', {
      configurationSetName: props.configurationSetName,
      // One-time passwords and replies to buyers must not travel in clear text; without TLS the mail bounces.
      tlsPolicy: ConfigurationSetTlsPolicy.REQUIRE,
      reputationMetrics: true,
      sendingEnabled: true,
    });
  }

  /**
   * Allows sending raw mail by both versions of the API, only from addresses of the domain. The v2 call is authorised as
   * `ses:SendEmail`, and as `ses:SendRawEmail` if its content is raw. A call that names a configuration set is
   * authorised on that too. A call without one cannot be refused, because IAM has no condition key for it; the function
   * always names one.
   *
   * @see https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
   */
  grantSend(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['ses:SendEmail', 'ses:SendRawEmail'],
      resourceArns: [this.arnOf('identity', this.domain), this.configurationSetArn],
      conditions: {
        StringLike: { 'ses:FromAddress': [`*@${this.domain}`, `*@*.${this.domain}`] },
      },
    });
  }

  /** The source ARN of events, which conditions of policies name. */
  get configurationSetArn(): string {
    return this.arnOf('configuration-set', this.configurationSet.configurationSetName);
  }

  /** Built from names, not imported: an export of the identity's stack could not change while a stage uses it. */
  private arnOf(resource: string, resourceName: string): string {
    return Stack.of(this).formatArn({ service: 'ses', resource, resourceName });
  }
}
