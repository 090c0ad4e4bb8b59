import { randomInt } from 'node:crypto';
import * as v from 'valibot';
import type { AccountDetails, SesAccount } from './account.ts';
import type { PreparedCall, SesService, WireRequest } from './http-exchange.ts';
import type { SesIdentity } from './identities.ts';
import {
  jsonBody,
  nameInPath,
  plainCall,
  type Route,
  refusedCall,
  restError,
  restSuccess,
} from './rest-route.ts';
import { invalidParameter } from './submission.ts';

export const ACCOUNT_ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v2\/email\/account\/?$/, prepare: getAccount },
  { method: 'POST', path: /^\/v2\/email\/account\/details\/?$/, prepare: putAccountDetails },
];

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html */
function getAccount(_request: WireRequest, service: SesService): PreparedCall {
  const { account } = service;
  return plainCall('GetAccount', () =>
    restSuccess({
      DedicatedIpAutoWarmupEnabled: false,
      EnforcementStatus: account.enforcementStatus,
      ProductionAccessEnabled: !account.sandbox,
      SendQuota: {
        Max24HourSend: account.max24HourSend,
        MaxSendRate: account.maxSendRate,
        SentLast24Hours: service.sentLast24Hours(),
      },
      SendingEnabled: account.sendingEnabled,
      SuppressionAttributes: { SuppressedReasons: [...account.suppressedReasons] },
      ...describeDetails(account),
    }),
  );
}

/** Empty until they are set. */
function describeDetails({ details, review }: SesAccount) {
  if (details === undefined && review === undefined) return {};
  return {
    Details: {
      MailType: details?.mailType,
      WebsiteURL: details?.websiteUrl,
      ContactLanguage: details?.contactLanguage,
      UseCaseDescription: details?.useCaseDescription,
      AdditionalContactEmailAddresses: details?.additionalContactEmailAddresses,
      ReviewDetails: review && { Status: review.status, CaseId: review.caseId },
    },
  };
}

/** The messages are SES's constraint texts. */
const atLeast = (length: number) => `Member must have length greater than or equal to ${length}`;
const atMost = (length: number) => `Member must have length less than or equal to ${length}`;
const oneOf = (values: readonly string[]) => `Member must satisfy enum value set: [${values.join(', ')}]`;
const matchingPattern = (pattern: RegExp) =>
  `Member must satisfy regular expression pattern: ${pattern.source}`;
const NOT_NULL = 'Member must not be null';

const MAIL_TYPES = ['MARKETING', 'TRANSACTIONAL'] as const;
const LANGUAGES = ['EN', 'JA'] as const;
const ADDRESS = /^(.+)@(.+)$/;

const detailsInput = v.object(
  {
    // its documented pattern is that of RFC 3986, which matches every text
    WebsiteURL: v.pipe(v.string(NOT_NULL), v.minLength(1, atLeast(1)), v.maxLength(1000, atMost(1000))),
    MailType: v.pipe(v.string(NOT_NULL), v.picklist(MAIL_TYPES, oneOf(MAIL_TYPES))),
    ContactLanguage: v.optional(v.nullable(v.picklist(LANGUAGES, oneOf(LANGUAGES)))),
    UseCaseDescription: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(5000, atMost(5000))))),
    AdditionalContactEmailAddresses: v.optional(
      v.nullable(
        v.pipe(
          v.array(
            v.pipe(
              v.string(),
              v.minLength(6, atLeast(6)),
              v.maxLength(254, atMost(254)),
              v.regex(ADDRESS, matchingPattern(ADDRESS)),
            ),
          ),
          v.minLength(1, atLeast(1)),
          v.maxLength(4, atMost(4)),
        ),
      ),
    ),
    ProductionAccessEnabled: v.optional(v.nullable(v.boolean())),
  },
  NOT_NULL,
);

type DetailsInput = v.InferOutput<typeof detailsInput>;

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutAccountDetails.html */
function putAccountDetails(request: WireRequest, { account }: SesService): PreparedCall {
  const operation = 'PutAccountDetails';
  const json = jsonBody(request);
  if (json === undefined) {
    return refusedCall(operation, { reason: 'malformed-request', message: 'The body is not JSON.' });
  }
  const input = v.safeParse(detailsInput, json);
  if (!input.success) return refusedCall(operation, invalidParameter(constraints(input.issues)));
  const { output } = input;
  return plainCall(operation, () => {
    // Documented for a pending review; account owners also got it after a denial, without a message.
    if (account.review?.status === 'PENDING' || account.review?.status === 'DENIED') {
      return restError({ code: 'ConflictException', message: '', status: 409 });
    }
    account.details = toDetails(output);
    // AWS documents no review without an access request; an account with access is assumed to keep it.
    if (output.ProductionAccessEnabled === true && account.sandbox) {
      account.review = { status: 'PENDING', caseId: newCaseId() };
    }
    return restSuccess({});
  });
}

type Issues = readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]];

function constraints(issues: Issues): string {
  const texts = issues.map((issue) => {
    const path = (v.getDotPath(issue) ?? 'body').replace(/^[A-Z]/, (letter) => letter.toLowerCase());
    return `Value at '${path}' failed to satisfy constraint: ${issue.message}`;
  });
  return `${texts.length} validation error${texts.length === 1 ? '' : 's'} detected: ${texts.join('; ')}`;
}

function toDetails(input: DetailsInput): AccountDetails {
  const { ContactLanguage, UseCaseDescription, AdditionalContactEmailAddresses } = input;
  return {
    mailType: input.MailType,
    websiteUrl: input.WebsiteURL,
    ...(ContactLanguage && { contactLanguage: ContactLanguage }),
    ...(UseCaseDescription && { useCaseDescription: UseCaseDescription }),
    ...(AdditionalContactEmailAddresses && {
      additionalContactEmailAddresses: AdditionalContactEmailAddresses,
    }),
  };
}

/** 15 digits, like AWS Support's. */
function newCaseId(): string {
  return String(randomInt(100_000_000_000_000, 281_474_976_710_655));
}

export const CONFIGURATION_SET_ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v2\/email\/configuration-sets\/[^/]+$/, prepare: getConfigurationSet },
];

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetConfigurationSet.html */
function getConfigurationSet(...[request, { account }]: Parameters<Route['prepare']>) {
  return plainCall('GetConfigurationSet', () => {
    const name = nameInPath(request);
    const set = account.configurationSets.get(name);
    if (set === undefined) {
      const message = `Configuration set <${name}> does not exist.`;
      return restError({ code: 'NotFoundException', message, status: 404 });
    }
    return restSuccess({
      ConfigurationSetName: name,
      DeliveryOptions: { TlsPolicy: set.tlsPolicy ?? 'OPTIONAL' },
      ReputationOptions: { ReputationMetricsEnabled: set.reputationMetrics ?? false },
      SendingOptions: { SendingEnabled: set.sendingEnabled },
      Tags: [],
    });
  });
}

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
    return restSuccess(describeIdentity(identity));
  });
}

function describeIdentity(identity: SesIdentity): object {
  const { kind, status, configurationSet, verificationError } = identity;
  return {
    IdentityType: kind === 'domain' ? 'DOMAIN' : 'EMAIL_ADDRESS',
    FeedbackForwardingStatus: true,
    VerifiedForSendingStatus: status === 'SUCCESS',
    VerificationStatus: status,
    VerificationInfo: verificationError === undefined ? {} : { ErrorType: verificationError },
    DkimAttributes: kind === 'domain' ? describeDomainDkim(identity) : describeAddressDkim(identity),
    MailFromAttributes: mailFrom(identity),
    Policies: {},
    Tags: [],
    ...(configurationSet !== undefined && { ConfigurationSetName: configurationSet }),
  };
}

/** Easy DKIM with the key length set by the identity's stack. */
function describeDomainDkim({
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

/** AWS's response for an address with default settings. */
function describeAddressDkim({ dkimStatus, dkimSigningEnabled }: SesIdentity) {
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
