import type { Operation } from './account-operation.ts';
import { CLOUD_FORMATION } from './cloud-formation.ts';
import { CLOUD_WATCH } from './cloud-watch.ts';
import { IAM } from './iam.ts';
import { LAMBDA } from './lambda.ts';
import { SECRETS_MANAGER } from './secrets-manager.ts';
import { SNS } from './sns.ts';
import { STS } from './sts.ts';

/** The protocol of a service. */
export type Protocol =
  | { readonly kind: 'query'; readonly namespace: string }
  | { readonly kind: 'json'; readonly version: '1.0' | '1.1' }
  | { readonly kind: 'rest-json' };

export interface AccountService {
  /** As in the names of permissions. */
  readonly name: string;
  readonly protocol: Protocol;
  /** One endpoint for all Regions. */
  readonly isGlobal: boolean;
  readonly operations: Readonly<Record<string, Operation>>;
}

const query = (namespace: string): Protocol => ({ kind: 'query', namespace });

/** By the names that calls are signed for; only that of CloudWatch differs from its name in permissions. */
export const SERVICES: Readonly<Record<string, AccountService>> = {
  sts: regional('sts', query('https://sts.amazonaws.com/doc/2011-06-15/'), STS),
  cloudformation: regional(
    'cloudformation',
    query('http://cloudformation.amazonaws.com/doc/2010-05-15/'),
    CLOUD_FORMATION,
  ),
  iam: { ...regional('iam', query('https://iam.amazonaws.com/doc/2010-05-08/'), IAM), isGlobal: true },
  secretsmanager: regional('secretsmanager', { kind: 'json', version: '1.1' }, SECRETS_MANAGER),
  monitoring: regional('cloudwatch', { kind: 'json', version: '1.0' }, CLOUD_WATCH),
  sns: regional('sns', query('http://sns.amazonaws.com/doc/2010-03-31/'), SNS),
  lambda: regional('lambda', { kind: 'rest-json' }, LAMBDA),
};

function regional(
  name: string,
  protocol: Protocol,
  operations: Readonly<Record<string, Operation>>,
): AccountService {
  return { name, protocol, isGlobal: false, operations };
}
