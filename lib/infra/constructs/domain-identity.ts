import { CfnOutput, CfnWaitConditionHandle, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnRecordSet, type IPublicHostedZone, PublicHostedZone, TxtRecord } from 'aws-cdk-lib/aws-route53';
import {
  DkimIdentity,
  EasyDkimSigningKeyLength,
  EmailIdentity,
  Identity,
  MailFromBehaviorOnMxFailure,
} from 'aws-cdk-lib/aws-ses';
import { Construct } from 'constructs';

/**
 * Reports only. A stricter policy needs proof that everything that sends for the domain is aligned, mail-core included.
 */
const DMARC_VALUE = 'v=DMARC1; p=none;';

const DMARC_TTL = Duration.minutes(30);

export interface DomainIdentityProps {
  /** The domain that SES verifies; its subdomains may send as well. */
  readonly domain: string;

  /**
   * Whether SES has the identity already and another stack or person owns it: it is used as it is.
   *
   * @default false
   */
  readonly exists?: boolean;

  /** A subdomain of `domain` that nothing else uses: its MX points to SES, which receives the bounces. */
  readonly mailFromDomain: string;

  /**
   * The public Route 53 zone that the DNS records are written to.
   *
   * @default - the records are outputs only, for a person to enter
   */
  readonly hostedZoneId?: string;

  /**
   * Whether the DMARC record is written to the zone with the others.
   *
   * @default true
   */
  readonly publishDmarc?: boolean;
}

/**
 * A domain verified by Easy DKIM, with its own MAIL FROM domain so that SPF is aligned with the From too.
 *
 * @see https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-easy.html
 * @see https://docs.aws.amazon.com/ses/latest/dg/mail-from.html
 */
export class DomainIdentity extends Construct {
  constructor(scope: Construct, id: string, props: DomainIdentityProps) {
    super(scope, id);
    if (props.exists === true) {
      // A stack needs a resource; this one is nothing and costs nothing.
      new CfnWaitConditionHandle(this, 'NothingOwned');
      this.outputRecords(props);
      return;
    }
    const zone = this.findZone(props);
    const identity = new EmailIdentity(this, 'Identity', {
      identity: zone === undefined ? Identity.domain(props.domain) : Identity.publicHostedZone(zone),
      dkimIdentity: DkimIdentity.easyDkim(EasyDkimSigningKeyLength.RSA_2048_BIT),
      mailFromDomain: props.mailFromDomain,
      // A missing MX record costs the alignment of SPF; rejecting would cost the mail.
      mailFromBehaviorOnMxFailure: MailFromBehaviorOnMxFailure.USE_DEFAULT_VALUE,
      // Bounces arrive as events; SES would mail each of them to the From address as well, which is a helpdesk inbox.
      feedbackForwarding: false,
    });
    // Deleting the identity stops the mail of all stages, and verifying it again takes up to three days.
    identity.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);

    if (zone !== undefined && (props.publishDmarc ?? true)) {
      new TxtRecord(this, 'DmarcRecord', {
        zone,
        recordName: `_dmarc.${props.domain}`,
        values: [DMARC_VALUE],
        ttl: DMARC_TTL,
      });
    }
    this.keepRecords();
    this.outputDkimRecords(identity);
    this.outputRecords(props);
  }

  /** A setting that changes must not take a record away that mail is verified by. */
  private keepRecords(): void {
    for (const child of this.node.findAll()) {
      if (child instanceof CfnRecordSet) child.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    }
  }

  private findZone({ hostedZoneId, domain }: DomainIdentityProps): IPublicHostedZone | undefined {
    if (hostedZoneId === undefined) return undefined;
    // No lookup, so that a synth needs no credentials. The zone may also be that of a parent domain: record names are
    // fully qualified.
    return PublicHostedZone.fromPublicHostedZoneAttributes(this, 'Zone', { hostedZoneId, zoneName: domain });
  }

  private outputDkimRecords({ dkimRecords }: EmailIdentity): void {
    for (const [index, { name, value }] of dkimRecords.entries()) {
      this.outputRecord(`DkimRecord${index + 1}`, 'Lets SES sign with DKIM', name, 'CNAME', value);
    }
  }

  private outputRecords({ domain, mailFromDomain }: DomainIdentityProps): void {
    const { region } = Stack.of(this);
    const mx = `10 feedback-smtp.${region}.amazonses.com`;
    this.outputRecord('MailFromMxRecord', 'Routes bounces to SES', mailFromDomain, 'MX', mx);
    const spf = '"v=spf1 include:amazonses.com ~all"';
    this.outputRecord('MailFromSpfRecord', 'Permits SES as a sender', mailFromDomain, 'TXT', spf);
    const dmarc = `"${DMARC_VALUE}"`;
    this.outputRecord('DmarcRecord', 'Recommended unless one exists', `_dmarc.${domain}`, 'TXT', dmarc);
  }

  /** One line each as in a zone file, ready to copy into the DNS of the domain. */
  private outputRecord(id: string, purpose: string, name: string, type: string, value: string): void {
    const output = new CfnOutput(this, `${id}Output`, {
      description: `DNS record. ${purpose}`,
      value: `${name} ${type} ${value}`,
    });
    output.overrideLogicalId(id);
  }
}
