import {
  type EventType,
  GetConfigurationSetCommand,
  GetConfigurationSetEventDestinationsCommand,
  type GetEmailIdentityResponse,
} from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import type { FixHints } from '../../../hints.ts';
import {
  type Check,
  type CheckResult,
  fail,
  identityStackCheck,
  ok,
  resourceCheck,
  skipped,
  warn,
} from '../check.ts';

interface IdentityFacts {
  readonly domain: string;
  readonly mailFromDomain: string;
  readonly identity: GetEmailIdentityResponse;
  readonly commands: FixHints;
}

/** What SES itself thinks of the identity. */
export const IDENTITY_CHECKS: readonly Check[] = [
  identityCheck('verified', verified),
  identityCheck('dkim', dkim),
  identityCheck('mail-from', mailFrom),
];

function identityCheck(name: string, judge: (facts: IdentityFacts) => CheckResult): Check {
  return identityStackCheck({
    group: 'identity',
    name,
    run: async ({ lookups, commands, aws }) => {
      const looked = await lookups.identity();
      const { identity } = looked;
      if (identity !== undefined) return judge({ ...looked, identity, commands });
      const told = `SES has no identity ${looked.domain} in ${aws.region}`;
      // The stack says that it is there: it was deleted by hand, and a deployment would see no change.
      return name === 'verified' ? fail(told, commands.aws(recreate(looked))) : skipped(told);
    },
  });
}

function verified({ domain, identity, commands }: IdentityFacts): CheckResult {
  if (identity.VerifiedForSendingStatus === true) return ok(`${domain} may send`);
  const { VerificationStatus: status = 'unknown', VerificationInfo } = identity;
  const why = VerificationInfo?.ErrorType === undefined ? '' : ` (${VerificationInfo.ErrorType})`;
  return fail(`${domain} is not verified: ${status}${why}`, dkimFix(status, domain, commands));
}

function dkim({ domain, identity, commands }: IdentityFacts): CheckResult {
  const { Status: status = 'unknown', SigningEnabled } = identity.DkimAttributes ?? {};
  if (SigningEnabled === false) {
    return fail('signing is switched off', commands.aws(enableDkim(domain)));
  }
  if (status === 'SUCCESS') return ok('SES has found the keys, and signs');
  return fail(`SES says ${status}`, dkimFix(status, domain, commands));
}

/** @see https://docs.aws.amazon.com/ses/latest/dg/mail-from.html: after 72 hours without its MX it has to be set anew */
function mailFrom({ domain, mailFromDomain, identity, commands }: IdentityFacts): CheckResult {
  const {
    MailFromDomain,
    MailFromDomainStatus: status,
    BehaviorOnMxFailure,
  } = identity.MailFromAttributes ?? {};
  const set = commands.aws(
    `sesv2 put-email-identity-mail-from-attributes --email-identity ${domain} --mail-from-domain ${mailFromDomain}`,
  );
  if (MailFromDomain !== mailFromDomain) {
    return warn(`it is ${MailFromDomain || 'not set'}, and not ${mailFromDomain} as deployed`, set);
  }
  if (status === 'SUCCESS') return ok(`${mailFromDomain} is in use`);
  const check = commands.mailctl('dns --check');
  const fix =
    status === 'FAILED'
      ? `enter the records that ${check} names, then ${set}`
      : `enter the records that ${check} names; SES looks again by itself`;
  // Otherwise SES sends from a domain of its own, and mail passes DMARC by DKIM alone.
  const isRefused = BehaviorOnMxFailure === 'REJECT_MESSAGE';
  const told = `${mailFromDomain}: ${status ?? 'unknown'}`;
  return isRefused ? fail(`${told}, and SES refuses mail until it is found`, fix) : warn(told, fix);
}

/** Easy DKIM verifies the domain, too. */
function dkimFix(status: string, domain: string, commands: FixHints): string {
  const check = commands.mailctl('dns --check');
  if (status === 'FAILED' || status === 'NOT_STARTED') {
    return `enter the DKIM records that ${check} names, then ${commands.aws(enableDkim(domain))}`;
  }
  return `enter the DKIM records that ${check} names; SES looks again by itself, for up to 72 hours`;
}

const enableDkim = (domain: string) =>
  `sesv2 put-email-identity-dkim-attributes --email-identity ${domain} --signing-enabled`;

const recreate = ({ domain }: { readonly domain: string }) =>
  `sesv2 create-email-identity --email-identity ${domain}`;

export const CONFIGURATION_SET_CHECK = resourceCheck({
  group: 'sending',
  name: 'configuration-set',
  resource: 'configurationSet',
  run: async (name, { aws, commands }, signal) => {
    const ses = await aws.ses();
    try {
      const command = new GetConfigurationSetCommand({ ConfigurationSetName: name });
      const { SendingOptions } = await ses.send(command, { abortSignal: signal });
      if (SendingOptions?.SendingEnabled !== false) return ok(`${name} sends`);
      const enable = `sesv2 put-configuration-set-sending-options --configuration-set-name ${name} --sending-enabled`;
      return fail(`sending is paused for ${name}`, commands.aws(enable));
    } catch (error) {
      if (awsErrorCode(error) !== 'NotFoundException') throw error;
      // CloudFormation believes that it is there, and a deployment would see no change.
      const create = commands.aws(`sesv2 create-configuration-set --configuration-set-name ${name}`);
      const fix = `${create}, then add the event destination that ${commands.driftedStack} names`;
      return fail(`SES has no configuration set ${name}: it was deleted by hand`, fix);
    }
  },
});

/** Without one of these, a lost response ends in a second send, or a bounce suppresses no recipient. */
const NEEDED_EVENTS: readonly EventType[] = ['SEND', 'DELIVERY', 'BOUNCE', 'COMPLAINT', 'REJECT'];

/** Whether SES publishes the events of what is resent. Its absence is silent: mail goes out all the same. */
export const EVENT_DESTINATION_CHECK = resourceCheck({
  group: 'sending',
  name: 'event-destination',
  resource: 'configurationSet',
  run: async (name, { aws, commands }, signal) => {
    const ses = await aws.ses();
    const command = new GetConfigurationSetEventDestinationsCommand({ ConfigurationSetName: name });
    try {
      const { EventDestinations = [] } = await ses.send(command, { abortSignal: signal });
      const toTopic = EventDestinations.filter(({ SnsDestination }) => SnsDestination !== undefined);
      const enabled = toTopic.filter(({ Enabled }) => Enabled === true);
      const published = enabled.flatMap(({ MatchingEventTypes = [] }) => MatchingEventTypes);
      const missing = NEEDED_EVENTS.filter((event) => !published.includes(event));
      if (missing.length === 0) return ok(`SES publishes the events of ${name}`);
      if (toTopic.length > 0 && enabled.length === 0) {
        return fail(`the event destination of ${name} is disabled`, commands.driftedStack);
      }
      return fail(`SES does not publish ${missing.join(', ')} of ${name}`, commands.driftedStack);
    } catch (error) {
      if (awsErrorCode(error) !== 'NotFoundException') throw error;
      return skipped(`there is no configuration set ${name}`);
    }
  },
});
