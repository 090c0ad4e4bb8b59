import { restError, restSuccess } from './rest-answer.ts';
import { nameInPath, plainCall, type Route } from './rest-route.ts';
import type { SesIdentity } from './ses-identities.ts';

export const IDENTITY_ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v2\/email\/identities\/[^/]+$/, prepare: getEmailIdentity },
];

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html */
function getEmailIdentity(...[request, { account }]: Parameters<Route['prepare']>) {
  return plainCall('GetEmailIdentity', () => {
    const name = nameInPath(request);
    const identity = account.identities.get(name);
    if (identity === undefined) {
      const message = `Email identity ${name} does not exist.`;
      return restError({ code: 'NotFoundException', message, status: 404 });
    }
    return restSuccess(described(identity));
  });
}

function described(identity: SesIdentity): object {
  const { kind, status, configurationSet, verificationError } = identity;
  return {
    IdentityType: kind === 'domain' ? 'DOMAIN' : 'EMAIL_ADDRESS',
    FeedbackForwardingStatus: true,
    VerifiedForSendingStatus: status === 'SUCCESS',
    VerificationStatus: status,
    VerificationInfo: verificationError === undefined ? {} : { ErrorType: verificationError },
    DkimAttributes: kind === 'domain' ? dkimOfDomain(identity) : dkimOfAddress(identity),
    MailFromAttributes: mailFrom(identity),
    Policies: {},
    Tags: [],
    ...(configurationSet !== undefined && { ConfigurationSetName: configurationSet }),
  };
}

/** Easy DKIM with the key length that the identity's stack asks for. */
function dkimOfDomain({
  status,
  dkimStatus,
  dkimSigningEnabled,
  dkimTokens,
  signingHostedZone,
}: SesIdentity) {
  return {
    SigningEnabled: dkimSigningEnabled,
    Status: dkimStatus ?? status,
    Tokens: dkimTokens,
    SigningHostedZone: signingHostedZone,
    SigningAttributesOrigin: 'AWS_SES',
    CurrentSigningKeyLength: 'RSA_2048_BIT',
    NextSigningKeyLength: 'RSA_2048_BIT',
  };
}

/** As AWS answers for an address that nothing was set for. */
function dkimOfAddress({ dkimStatus, dkimSigningEnabled }: SesIdentity) {
  return {
    SigningEnabled: dkimSigningEnabled,
    Status: dkimStatus ?? 'NOT_STARTED',
    SigningAttributesOrigin: 'AWS_SES',
    NextSigningKeyLength: 'RSA_1024_BIT',
  };
}

function mailFrom({ mailFrom }: SesIdentity) {
  if (mailFrom === undefined) return { BehaviorOnMxFailure: 'USE_DEFAULT_VALUE' };
  return {
    MailFromDomain: mailFrom.domain,
    MailFromDomainStatus: mailFrom.status,
    BehaviorOnMxFailure: mailFrom.behaviorOnMxFailure ?? 'USE_DEFAULT_VALUE',
  };
}
