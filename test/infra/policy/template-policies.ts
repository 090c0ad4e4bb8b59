import {
  type AskedPolicies,
  type AuthorisationRequest,
  type Decision,
  evaluatePolicies,
} from './evaluate-policies.ts';
import { type Statement, statementsOf } from './policy-statement.ts';
import { arnOf, type Resources, resolved } from './resolved-template.ts';

/** Every policy of a template by the ARN of what it is attached to. */
export interface TemplatePolicies {
  readonly ofIdentities: ReadonlyMap<string, readonly Statement[]>;
  readonly ofResources: ReadonlyMap<string, readonly Statement[]>;
}

interface AttachedPolicy {
  readonly arn: string;
  readonly statements: readonly Statement[];
}

/** Where the types of resources keep policies. Those of roles about who takes them on are not asked here. */
export function policiesOf(resources: Resources): TemplatePolicies {
  const identities: AttachedPolicy[] = [];
  const attached: AttachedPolicy[] = [];
  for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
    const read = (policyDocument: unknown) => statementsOf(resolved(policyDocument, resources));
    const holder = (of: string) => arnOf(of, resources) ?? `no ARN: ${of}`;
    const attach = (to: AttachedPolicy[], targets: unknown, policyDocument: unknown) => {
      for (const target of [targets ?? []].flat()) {
        to.push({ arn: holder(idIn(target)), statements: read(policyDocument) });
      }
    };
    const { PolicyDocument, Users, Roles, Queues, Topics, Bucket } = Properties;
    if (Type === 'AWS::IAM::Policy') attach(identities, [Users ?? [], Roles ?? []].flat(), PolicyDocument);
    if (Type === 'AWS::SQS::QueuePolicy') attach(attached, Queues, PolicyDocument);
    if (Type === 'AWS::SNS::TopicPolicy') attach(attached, Topics, PolicyDocument);
    if (Type === 'AWS::S3::BucketPolicy') attach(attached, Bucket, PolicyDocument);
    if (Type === 'AWS::DynamoDB::Table') {
      const policy = resolved(Properties.ResourcePolicy, resources);
      const statements = statementsOf(Object(policy).PolicyDocument);
      attached.push({ arn: holder(id), statements });
    }
    if (Type === 'AWS::KMS::Key') {
      attached.push({ arn: holder(id), statements: read(Properties.KeyPolicy) });
    }
  }
  return { ofIdentities: merged(identities), ofResources: merged(attached) };
}

/** What AWS would decide, were the template deployed. */
export function decide(request: AuthorisationRequest, policies: TemplatePolicies): Decision {
  return evaluatePolicies(request, askedAbout(request, policies));
}

function askedAbout(
  { principal, resource }: AuthorisationRequest,
  policies: TemplatePolicies,
): AskedPolicies {
  return {
    identity: principal.kind === 'identity' ? (policies.ofIdentities.get(principal.arn) ?? []) : [],
    resource: policies.ofResources.get(holderOf(resource)) ?? [],
  };
}

/** The policy of a bucket is that of its objects, too. */
function holderOf(resource: string): string {
  return resource.startsWith('arn:aws:s3:') ? (resource.split('/')[0] ?? '') : resource;
}

/** Policies are attached by `Ref`, whose value is a name or a URL. */
function idIn(target: unknown): string {
  const { Ref } = Object(target);
  if (typeof Ref !== 'string') throw new Error(`a policy that is attached to ${JSON.stringify(target)}`);
  return Ref;
}

function merged(policies: readonly AttachedPolicy[]): Map<string, readonly Statement[]> {
  const byArn = new Map<string, readonly Statement[]>();
  for (const { arn, statements } of policies) byArn.set(arn, [...(byArn.get(arn) ?? []), ...statements]);
  return byArn;
}
