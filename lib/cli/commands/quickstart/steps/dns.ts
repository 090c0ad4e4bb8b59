import { setTimeout as sleep } from 'node:timers/promises';
import { GetEmailIdentityCommand } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../../../adapters/aws-client.ts';
import { LiveDns } from '../../../../adapters/dns/live-dns.ts';
import { identityStackName } from '../../../../common/names.ts';
import type { CommandContext } from '../../../context.ts';
import { describeDeployment } from '../../../deployment.ts';
import { OperatorError } from '../../../errors.ts';
import { checkDns } from '../../../lookups/dns/check-dns.ts';
import type { DnsFinding } from '../../../lookups/dns/findings.ts';
import { domainOf, type NeededRecord, neededRecords } from '../../../lookups/dns/needed-records.ts';
import { done, type OpenStep, open, type QuickstartContext, type QuickstartStep, stopped } from '../step.ts';

export const DNS: QuickstartStep = {
  name: 'dns',
  explain: () =>
    'The domain has to say that SES may send for it: three DKIM keys, MX and SPF of the MAIL FROM domain, and DMARC.',
  isDone: async (context) => {
    const standing = await identityStanding(context);
    if (standing.verified) return done(`SES has found the records of ${standing.domain}`);
    const findings = await liveFindings(context, standing);
    const missing = findings.filter(({ level }) => level === 'fail');
    if (missing.length === 0) return done(`the records of ${standing.domain} are in the DNS`);
    const detail = `${missing.length} records of ${standing.domain} are not as they must be`;
    return open(detail, ...missing.map(todoOf), ...hintsOf(context));
  },
  // Nobody but who serves the domain can enter them.
  run: async (_context, before) => stopped(before),
};

function liveFindings(
  { options, signal, terminal }: QuickstartContext,
  { needed }: IdentityStanding,
): Promise<readonly DnsFinding[]> {
  terminal.note("Asking the zone's own servers …");
  const { resolver, serverPort: port } = options;
  return checkDns(needed, new LiveDns({ resolver, port, signal }));
}

function todoOf({ name, type, wanted, status, fix }: DnsFinding): string {
  return status === 'missing' && wanted !== undefined
    ? `add ${name} ${type} ${wanted}`
    : `${name} ${type} is ${status}: ${fix ?? 'put it right'}`;
}

function hintsOf({ commands }: QuickstartContext): readonly string[] {
  return [
    `${commands.mailctl('dns --format bind')} (or route53, terraform) prints all of them for the DNS`,
    `${commands.mailctl('dns --check')} says more of each`,
  ];
}

export const VERIFICATION: QuickstartStep = {
  name: 'verification',
  explain: () =>
    'SES looks for the records by itself: mostly within minutes, for 72 hours at most. Nothing can be sent before.',
  isDone: async (context) => stepState(context, await identityStanding(context)),
  run: waitForSes,
};

async function waitForSes(context: QuickstartContext, before: OpenStep) {
  const { options, signal, terminal } = context;
  const { waitMs, pollMs } = options;
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  const bar = terminal.progress('SES looks for the records (seconds)', Math.ceil(waitMs / 1000));
  let told = before.detail;
  terminal.note(`Waiting for SES, ${minutes(waitMs)} at most: ${told}`);
  try {
    for (;;) {
      const identity = await identityStanding(context);
      const standing = stepState(context, identity);
      if (standing.kind === 'done') return standing;
      if (standing.detail !== told) terminal.note(standing.detail);
      told = standing.detail;
      if (hasGivenUp(identity) || elapsedMs() >= waitMs) return stopped(standing);
      bar.set(Math.floor(elapsedMs() / 1000));
      await sleep(pollMs, undefined, { signal });
    }
  } finally {
    bar.stop();
  }
}

function stepState({ commands }: QuickstartContext, identity: IdentityStanding) {
  const { domain, verification, mailFrom, verified } = identity;
  if (verified) return done(`${domain} is verified, its MAIL FROM domain is in use`);
  const detail = `${domain}: ${verification}, its MAIL FROM domain: ${mailFrom}`;
  // It has stopped looking, and must be asked to look again.
  if (hasGivenUp(identity)) {
    const again = commands.mailctl('doctor --only identity');
    return open(detail, `SES has given up looking; ${again} has the command that makes it look again`);
  }
  return open(detail, 'wait: SES looks again by itself, for 72 hours');
}

const hasGivenUp = ({ verification, mailFrom }: IdentityStanding) =>
  verification === 'FAILED' || mailFrom === 'FAILED';

const minutes = (ms: number) => `${Math.round(ms / 6_000) / 10} min`;

/** The identity as SES has it. */
interface IdentityStanding {
  readonly domain: string;
  readonly needed: readonly NeededRecord[];
  /** `PENDING`, `SUCCESS`, `FAILED` and so on: of the domain by its DKIM keys. */
  readonly verification: string;
  /** The same of the MAIL FROM domain. */
  readonly mailFrom: string;
  readonly verified: boolean;
}

/** @throws {@link OperatorError} where the identity is not deployed; what the SDK throws */
async function identityStanding({
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
    const message = `SES knows no identity ${domain}, though its stack is there: it was deleted by hand`;
    const fix = `aws sesv2 create-email-identity --email-identity ${domain} --region ${aws.region}`;
    throw new OperatorError('IDENTITY_MISSING', message, fix, { cause });
  });
  const verification = identity.VerificationStatus ?? 'unknown';
  const mailFrom = identity.MailFromAttributes?.MailFromDomainStatus ?? 'not set';
  const verified = identity.VerifiedForSendingStatus === true && mailFrom === 'SUCCESS';
  return { domain, needed, verification, mailFrom, verified };
}
