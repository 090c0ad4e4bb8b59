import { Stack, Token, Validations } from 'aws-cdk-lib';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { ConfigurationSet, ConfigurationSetTlsPolicy } from 'aws-cdk-lib/aws-ses';
import { Construct, type IConstruct } from 'constructs';

export interface SendingConfigurationProps {
  readonly configurationSetName: string;

  /** The verified domain; a grant allows From addresses of it and of its subdomains. */
  readonly domain: string;

  /**
   * With `require`, SES does not send to a server without TLS: it tries for 14 hours, and then the mail bounces.
   *
   * @see https://docs.aws.amazon.com/ses/latest/dg/security-protocols.html
   */
  readonly tlsPolicy: 'optional' | 'require';
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
      tlsPolicy:
        props.tlsPolicy === 'require'
          ? ConfigurationSetTlsPolicy.REQUIRE
          : ConfigurationSetTlsPolicy.OPTIONAL,
      // The account's own rates are what AWS acts on, and the alarms watch those; a second pair costs money.
      reputationMetrics: false,
      sendingEnabled: true,
    });
  }

  /**
   * Allows sending raw mail by both versions of the API, only from addresses of the domain. The v2 call is authorised as
   * `ses:SendEmail`, and as `ses:SendRawEmail` if its content is raw. A call that names a configuration set is
   * authorised on that too, by a statement of its own: AWS does not document that the condition key of the From is
   * present in that check. A call without a set cannot be refused, because IAM has no condition key for it; the function
   * always names one.
   *
   * The resource is every identity, not the domain's alone: in the sandbox a call is authorised on the verified
   * identity of each recipient as well. The condition still limits the From.
   *
   * @see https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
   * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
   */
  grantSend(grantee: IGrantable & IConstruct): Grant {
    const actions = ['ses:SendEmail', 'ses:SendRawEmail'];
    const configurationSet = Grant.addToPrincipal({
      grantee,
      actions,
      resourceArns: [this.configurationSetArn],
    });
    const identities = this.arnOf('identity', '*');
    Validations.of(grantee).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${this.inFindings(identities)}]`,
      reason: 'The verified recipients of the sandbox are not known in advance; a condition limits the From.',
    });
    return configurationSet.combine(
      Grant.addToPrincipal({
        grantee,
        actions,
        resourceArns: [identities],
        conditions: {
          StringLike: { 'ses:FromAddress': [`*@${this.domain}`, `*@*.${this.domain}`] },
        },
      }),
    );
  }

  /** Allows reading the quota of the account and what became of its mail. */
  grantLimits(grantee: IGrantable & IConstruct): Grant {
    Validations.of(grantee).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Quota and statistics are those of the whole account; IAM knows no resource to limit them to.',
    });
    return Grant.addToPrincipal({
      grantee,
      actions: ['ses:GetSendQuota', 'ses:GetSendStatistics'],
      resourceArns: ['*'],
    });
  }

  /** How cdk-nag writes an ARN whose account is known only when it is deployed. */
  private inFindings(arn: string): string {
    const { account } = Stack.of(this);
    return arn.replace(account, Token.isUnresolved(account) ? '<AWS::AccountId>' : account);
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
