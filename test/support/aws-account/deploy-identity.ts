import { SesAccount } from '../../../lib/emulators/ses/account.ts';
import type { SesIdentity } from '../../../lib/emulators/ses/identities.ts';
import type { AwsAccount } from './aws-account.ts';
import { type Deployment, type DeploymentOptions, readDeployment } from './deployment.ts';

/**
 * Adds what deploying the stack of the identity creates. The identity waits for its DNS records; one that SES
 * already has is not changed.
 */
export function deployIdentity(account: AwsAccount, options: DeploymentOptions = {}): void {
  const deployment = readDeployment(options);
  const { identityStack, domain, at } = deployment;
  const identity = identityIn(deployment);
  account.add({
    stacks: [
      {
        name: identityStack,
        description: `The SES identity of ${domain}, shared by all stages of the mail pipeline`,
        status: 'CREATE_COMPLETE',
        createdAt: at,
        outputs: outputsOf(identity, deployment, account.region),
        resources: [
          { logicalId: 'DomainIdentity331F9436', type: 'AWS::SES::EmailIdentity', physicalId: domain },
        ],
      },
    ],
  });
}

function identityIn(deployment: Deployment): SesIdentity {
  const { ses = new SesAccount(), domain } = deployment;
  const mailFrom = { domain: mailFromOf(deployment), status: 'PENDING' } as const;
  return ses.identities.get(domain) ?? ses.identities.add(domain, { status: 'PENDING', mailFrom });
}

function outputsOf(
  { dkimTokens, signingHostedZone }: SesIdentity,
  deployment: Deployment,
  region: string,
): Record<string, string> {
  const { domain } = deployment;
  const mailFrom = mailFromOf(deployment);
  const dkim = dkimTokens.map((token, index) => [
    `DkimRecord${index + 1}`,
    `${token}._domainkey.${domain} CNAME ${token}.${signingHostedZone}`,
  ]);
  return {
    ...Object.fromEntries(dkim),
    MailFromMxRecord: `${mailFrom} MX 10 feedback-smtp.${region}.amazonses.com`,
    MailFromSpfRecord: `${mailFrom} TXT "v=spf1 include:amazonses.com ~all"`,
    DmarcRecord: `_dmarc.${domain} TXT "v=DMARC1; p=none;"`,
  };
}

function mailFromOf({ mailFromSubdomain, domain }: Deployment): string {
  return `${mailFromSubdomain}.${domain}`;
}
