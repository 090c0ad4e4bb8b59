import { GetEmailIdentityCommand } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../adapters/aws-error.ts';
import type { CommandContext } from '../command-context.ts';
import { describeDeployment, identityStackName } from '../deployment.ts';
import { domainOf, type NeededRecord, neededRecords } from '../dns/needed-records.ts';
import { OperatorError } from '../operator-error.ts';

/** The identity as SES has it. */
export interface IdentityStanding {
  readonly domain: string;
  readonly needed: readonly NeededRecord[];
  /** `PENDING`, `SUCCESS`, `FAILED` and so on: of the domain by its DKIM keys. */
  readonly verification: string;
  /** The same of the MAIL FROM domain. */
  readonly mailFrom: string;
  readonly verified: boolean;
}

/** @throws {@link OperatorError} where the identity is not deployed; what the SDK throws */
export async function identityStanding({
  aws,
  deployment,
  signal,
}: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>): Promise<IdentityStanding> {
  const { identity: stack } = await describeDeployment(await aws.cloudFormation(), deployment, signal);
  if (stack === undefined) {
    const message = `there is no stack ${identityStackName(deployment)} in this Region`;
    throw new OperatorError('NOT_DEPLOYED', message, 'npm run deploy');
  }
  const needed = neededRecords(stack);
  const domain = domainOf(needed);
  const ses = await aws.ses();
  const command = new GetEmailIdentityCommand({ EmailIdentity: domain });
  const identity = await ses.send(command, { abortSignal: signal }).catch((cause: unknown) => {
    if (awsErrorCode(cause) !== 'NotFoundException') throw cause;
    const message = `SES knows no identity ${domain}, though its stack is there: somebody has deleted it`;
    const mend = `aws sesv2 create-email-identity --email-identity ${domain} --region ${aws.region}`;
    throw new OperatorError('IDENTITY_MISSING', message, mend, { cause });
  });
  const verification = identity.VerificationStatus ?? 'unknown';
  const mailFrom = identity.MailFromAttributes?.MailFromDomainStatus ?? 'not set';
  const verified = identity.VerifiedForSendingStatus === true && mailFrom === 'SUCCESS';
  return { domain, needed, verification, mailFrom, verified };
}
