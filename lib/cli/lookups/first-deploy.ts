import { GetUserCommand } from '@aws-sdk/client-iam';
import { GetEmailIdentityCommand } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../adapters/aws-client.ts';
import { LiveDns } from '../../adapters/dns/live-dns.ts';
import { type DeploymentName, identityStackName, resourceNames } from '../../common/names.ts';
import type { AwsClients } from '../aws-clients.ts';
import type { DeployedStack, DeployedStacks } from '../deployment.ts';
import type { FixHints } from '../hints.ts';
import type { ProjectSettings } from '../project-file.ts';

export interface FirstDeployContext {
  readonly aws: AwsClients;
  readonly deployment: DeploymentName;
  /** What cdk.json says. */
  readonly project: ProjectSettings;
  readonly signal: AbortSignal;
  /** What runs the CDK, for the command that imports. */
  readonly cdk: string;
  /** @default the system's */
  readonly resolver: string | undefined;
}

/** What exists although its stack does not, so that CloudFormation would refuse to create it; each with the way out. */
export async function findInTheWay(context: FirstDeployContext, stacks: DeployedStacks): Promise<string[]> {
  const { deployment, project, cdk } = context;
  const { domain, existingIdentity, userName } = project;
  const { user } = resourceNames({ ...deployment, userName });
  const [hasIdentity, hasUser, records] = await Promise.all([
    stacks.identity === undefined && !existingIdentity && hasSesIdentity(domain, context),
    stacks.pipeline === undefined && hasIamUser(user, context),
    stacks.identity === undefined && !existingIdentity ? findRecords(project, context) : [],
  ]);
  return [
    ...(hasIdentity
      ? [
          `SES has ${domain} already: set "existingIdentity": true in cdk.json to use it as it is, or take it over: ` +
            `${cdk} import ${identityStackName(deployment)}`,
        ]
      : []),
    ...(hasUser
      ? [
          `IAM has a user ${user} already: set another "userName" in cdk.json, or delete that user if nothing uses it`,
        ]
      : []),
    ...records,
  ];
}

/** How long to ask for a record. If the DNS does not answer, Route 53 itself says what exists. */
const DNS_TRY_MS = 2_000;

/** The records that the deploy would write to the zone of Route 53, as far as they exist. */
async function findRecords(
  { domain, hostedZoneId, mailFromSubdomain, publishDmarc }: ProjectSettings,
  { resolver: server, signal }: FirstDeployContext,
): Promise<string[]> {
  if (hostedZoneId === undefined) return [];
  const { resolver } = new LiveDns({
    ...(server === undefined ? {} : { resolver: server }),
    timeoutMs: DNS_TRY_MS,
    signal,
  });
  const exists = async (type: 'MX' | 'TXT', name: string) =>
    (await resolver.ask(type, name)).kind === 'records';
  const [mailFrom, dmarc] = [`${mailFromSubdomain}.${domain}`, `_dmarc.${domain}`];
  const [hasMailFrom, hasDmarc] = await Promise.all([
    exists('MX', mailFrom),
    publishDmarc && exists('TXT', dmarc),
  ]);
  return [
    ...(hasMailFrom
      ? [`${mailFrom} has an MX record already: delete it, or set another "mailFromSubdomain" in cdk.json`]
      : []),
    ...(hasDmarc
      ? [`${dmarc} has a TXT record already: set "publishDmarc": false in cdk.json to keep it`]
      : []),
  ];
}

async function hasSesIdentity(domain: string, { aws, signal }: FirstDeployContext): Promise<boolean> {
  const ses = await aws.ses();
  return exists(
    ses.send(new GetEmailIdentityCommand({ EmailIdentity: domain }), { abortSignal: signal }),
    'NotFoundException',
  );
}

async function hasIamUser(UserName: string, { aws, signal }: FirstDeployContext): Promise<boolean> {
  const iam = await aws.iam();
  return exists(
    iam.send(new GetUserCommand({ UserName }), { abortSignal: signal }),
    'NoSuchEntity',
    'NoSuchEntityException',
  );
}

const DENIED = ['AccessDenied', 'AccessDeniedException'];

async function exists(call: Promise<unknown>, ...absentCodes: readonly string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    // Whoever may only assume the roles of the CDK may not look; CloudFormation will say what exists.
    if ([...absentCodes, ...DENIED].includes(awsErrorCode(error))) return false;
    throw error;
  }
}

/**
 * What removes a stack whose create failed. The CDK protects it from deletion before it creates anything, and what the
 * stack retains is kept only once a create has succeeded: nothing is left that would block the next one.
 */
export function deletionCommands(
  { name, isProtected }: Pick<DeployedStack, 'name' | 'isProtected'>,
  commands: FixHints,
): string[] {
  const stack = `--stack-name ${name}`;
  return [
    ...(isProtected
      ? [
          commands.aws(
            `cloudformation update-termination-protection --no-enable-termination-protection ${stack}`,
          ),
        ]
      : []),
    commands.aws(`cloudformation delete-stack ${stack}`),
    commands.aws(`cloudformation wait stack-delete-complete ${stack}`),
  ];
}
