import {
  GetAccountCommand,
  type GetAccountResponse,
  GetEmailIdentityCommand,
  type GetEmailIdentityResponse,
} from '@aws-sdk/client-sesv2';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { awsErrorCode } from '../../../adapters/aws-client.ts';
import { LiveDns } from '../../../adapters/dns/live-dns.ts';
import { probeSmtp, type SmtpProbe } from '../../../adapters/smtp/probe-smtp.ts';
import { untilAborted } from '../../../common/async.ts';
import { type DeploymentName, pipelineStackName } from '../../../common/names.ts';
import type { AwsClients } from '../../aws-clients.ts';
import {
  type DeployedStacks,
  describeDeployment,
  listStackResources,
  type StackResource,
} from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';
import type { DeployedAlarm } from '../../lookups/alarms.ts';
import { listAlarms } from '../../lookups/alarms.ts';
import { checkDns } from '../../lookups/dns/check-dns.ts';
import type { DnsFinding } from '../../lookups/dns/findings.ts';
import { domainOf, type NeededRecord, neededRecords, recordFor } from '../../lookups/dns/needed-records.ts';
import { findInTheWay } from '../../lookups/first-deploy.ts';
import type { RelayTarget } from '../../lookups/relay-target.ts';
import type { ProjectSettings } from '../../project-file.ts';
import type { SmtpTarget } from './smtp-target.ts';

/** The AWS identity of the caller. */
interface Caller {
  readonly account: string;
  readonly arn: string;
}

/** The email identity in SES. */
interface IdentityLookup {
  readonly domain: string;
  /** The intended MAIL FROM domain. */
  readonly mailFromDomain: string;
  /** Undefined if it does not exist in SES. */
  readonly identity: GetEmailIdentityResponse | undefined;
}

/** Data shared by several checks. */
export interface Lookups {
  caller(): Promise<Caller>;
  stacks(): Promise<DeployedStacks>;
  /** What exists although its stack does not, each with the way out. */
  inTheWay(): Promise<readonly string[]>;
  /** Of the pipeline stack; undefined if it is not deployed. */
  resources(): Promise<readonly StackResource[] | undefined>;
  /** @throws {Error} if the identity stack is not deployed */
  identity(): Promise<IdentityLookup>;
  sesAccount(): Promise<GetAccountResponse>;
  alarms(): Promise<readonly DeployedAlarm[]>;
  /** @throws {Error} if the identity stack is not deployed */
  dnsFindings(): Promise<readonly DnsFinding[]>;
  /** Undefined if no host was given. */
  smtp(): Promise<SmtpProbe | undefined>;
  /** Undefined if no relay was given. */
  relay(): Promise<SmtpProbe | undefined>;
}

export interface LookupSources {
  readonly aws: AwsClients;
  readonly deployment: DeploymentName;
  /** What cdk.json says. */
  readonly project: ProjectSettings;
  readonly dns: { readonly resolver?: string | undefined; readonly port: number };
  readonly smtp: SmtpTarget | undefined;
  readonly relay: RelayTarget | undefined;
  /** Timeout of a check. Lookups get a shorter one, so that the checks waiting for them can report it. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const SHARE_OF_CHECK = 0.8;

/** A server is queried twice, the second time with twice the timeout; this leaves time for the next one. */
const SHARE_OF_DNS_TRY = 1 / 6;

/** Each lookup runs once, on first use. All share one deadline. */
export function createLookups(sources: LookupSources): Lookups {
  const { aws, deployment, project } = sources;
  const timeoutMs = sources.timeoutMs * SHARE_OF_CHECK;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([sources.signal, limit]);
  const lookUp = <T>(what: string, call: () => Promise<T>): (() => Promise<T>) =>
    once(async () => {
      try {
        return await untilAborted(call(), signal);
      } catch (error) {
        if (!limit.aborted || sources.signal.aborted) throw error;
        throw noAnswer(what, timeoutMs, error);
      }
    });

  const stacks = lookUp('CloudFormation', async () =>
    describeDeployment(await aws.cloudFormation(), deployment, signal),
  );
  const needed = once(async () => {
    const { identity } = await stacks();
    if (identity === undefined) throw new Error('the stack of the identity is not deployed');
    return neededRecords(identity);
  });
  return {
    stacks,
    inTheWay: lookUp('AWS', async () =>
      findInTheWay(
        { aws, deployment, project, signal, resolver: sources.dns.resolver, cdk: 'npx cdk' },
        await stacks(),
      ),
    ),
    caller: lookUp('STS', () => whoCalls(aws, signal)),
    resources: lookUp('CloudFormation', async () =>
      listStackResources(await aws.cloudFormation(), pipelineStackName(deployment), signal),
    ),
    identity: lookUp('SES', async () => identityOf(aws, await needed(), signal)),
    sesAccount: lookUp('SES', async () =>
      (await aws.ses()).send(new GetAccountCommand({}), { abortSignal: signal }),
    ),
    alarms: lookUp('CloudWatch', async () => listAlarms(await aws.cloudWatch(), deployment, signal)),
    dnsFindings: lookUp('the DNS', async () => {
      const records = await needed();
      const tryMs = Math.max(1, Math.round(timeoutMs * SHARE_OF_DNS_TRY));
      return checkDns(records, new LiveDns({ ...sources.dns, timeoutMs: tryMs, signal }));
    }),
    // It has its own timeout, and reports how far it got.
    smtp: once(async () => sources.smtp && probeSmtp({ ...sources.smtp, timeoutMs }, sources.signal)),
    relay: once(
      async () =>
        sources.relay && probeSmtp({ ...sources.relay, implicitTls: false, timeoutMs }, sources.signal),
    ),
  };
}

async function whoCalls(aws: AwsClients, signal: AbortSignal): Promise<Caller> {
  const sts = await aws.sts();
  const { Account = '', Arn = '' } = await sts.send(new GetCallerIdentityCommand({}), {
    abortSignal: signal,
  });
  return { account: Account, arn: Arn };
}

async function identityOf(
  aws: AwsClients,
  needed: readonly NeededRecord[],
  signal: AbortSignal,
): Promise<IdentityLookup> {
  const domain = domainOf(needed);
  const mailFromDomain = recordFor(needed, 'mail-from-mx').name;
  const ses = await aws.ses();
  try {
    const command = new GetEmailIdentityCommand({ EmailIdentity: domain });
    return { domain, mailFromDomain, identity: await ses.send(command, { abortSignal: signal }) };
  } catch (error) {
    if (awsErrorCode(error) !== 'NotFoundException') throw error;
    return { domain, mailFromDomain, identity: undefined };
  }
}

function noAnswer(what: string, timeoutMs: number, cause: unknown): OperatorError {
  return new OperatorError(
    'NO_ANSWER',
    `${what} gave no answer within ${timeoutMs / 1000} s`,
    'check the network, --region, and AWS_ENDPOINT_URL where it is set; --timeout 60 waits longer',
    { cause },
  );
}

function once<T>(call: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= call();
    return result;
  };
}
