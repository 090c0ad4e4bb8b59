import { PAYLOAD_PREFIX } from '../../../lib/domain/limits.ts';
import type { AwsRequest } from '../../../lib/emulators/aws/aws-fault.ts';
import type { RequestContext } from './condition-operators.ts';
import { ACCOUNT, REGION } from './resolved-template.ts';

/** One action on one resource, as IAM is asked for it. */
export interface Permission {
  readonly action: string;
  readonly resource: string;
  readonly context: RequestContext;
}

/** What has to be known of a deployment to say which permissions a call needs there. */
export interface CallSurroundings {
  /** The name or URL that the deployed code is given where the code here was given this one. */
  readonly deployed: (given: string) => string;
  /** Whether the emulated bucket holds the object. */
  readonly isStored: (key: string) => boolean;
  /** The domains that SES has verified. */
  readonly identities: readonly string[];
}

/** Payloads are all alike: what a policy says is not to depend on the rest of a key. */
export const PAYLOAD_KEY = `${PAYLOAD_PREFIX}any`;

/** A call over TLS, as every SDK makes it by default. */
export const OVER_TLS: RequestContext = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3' };

/**
 * What IAM is asked for when a call is made.
 *
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonses.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
 *
 * @throws where nobody has said yet what the call needs
 */
export function permissionsNeededBy(call: AwsRequest, surroundings: CallSurroundings): Permission[] {
  switch (call.service) {
    case 'sqs':
      return [sqsPermission(call, surroundings)];
    case 'dynamodb':
      return dynamoDbPermissions(call, surroundings);
    case 's3':
      return s3Permissions(call, surroundings);
    case 'ses':
      return sesPermissions(call, surroundings);
    case 'iam':
      return [iamPermission(call, surroundings)];
    case 'monitoring':
      return [metricPermission(call, surroundings)];
    default:
      throw new Error(`a call of a service that is not known here: ${describe(call)}`);
  }
}

/** A call on a batch is authorised as the call on one message. */
function sqsPermission(call: AwsRequest, { deployed }: CallSurroundings): Permission {
  const { QueueUrl } = JSON.parse(call.body.toString());
  const name = new URL(deployed(String(QueueUrl))).pathname.split('/').at(-1);
  return {
    action: `sqs:${call.action.replace(/Batch$/, '')}`,
    resource: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`,
    context: OVER_TLS,
  };
}

/** Actions have the names of the calls; BatchGetItem names its tables elsewhere. */
function dynamoDbPermissions(call: AwsRequest, { deployed }: CallSurroundings): Permission[] {
  const { TableName, RequestItems } = JSON.parse(call.body.toString());
  const tables = TableName === undefined ? Object.keys(Object(RequestItems)) : [String(TableName)];
  if (tables.length === 0) throw new Error(`a call that names no table: ${describe(call)}`);
  return tables.map((table) => ({
    action: `dynamodb:${call.action}`,
    resource: `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${deployed(table)}`,
    context: OVER_TLS,
  }));
}

/**
 * Reading an object that is not there is answered 404 to those who may list the bucket, and 403 to others.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
function s3Permissions(call: AwsRequest, { deployed, isStored }: CallSurroundings): Permission[] {
  const [, given = '', key = ''] = /^\/([^/]+)\/([^?]+)/.exec(call.path) ?? [];
  if (!['GetObject', 'PutObject'].includes(call.action)) throw new Error(`what needs ${describe(call)}?`);
  const bucket = `arn:aws:s3:::${deployed(given)}`;
  const folded = key.startsWith(PAYLOAD_PREFIX) ? PAYLOAD_KEY : key;
  const condition = call.headers['if-none-match'];
  const context = condition === undefined ? OVER_TLS : { ...OVER_TLS, 's3:if-none-match': String(condition) };
  const needed = { action: `s3:${call.action}`, resource: `${bucket}/${folded}`, context };
  if (call.action === 'PutObject' || isStored(key)) return [needed];
  return [needed, { action: 's3:ListBucket', resource: bucket, context: OVER_TLS }];
}

/** IAM is in no Region, and its calls here are all about one user. */
function iamPermission(call: AwsRequest, { deployed }: CallSurroundings): Permission {
  const userName = new URLSearchParams(call.body.toString()).get('UserName');
  if (userName === null) throw new Error(`a call that names no user: ${describe(call)}`);
  return {
    action: `iam:${call.action}`,
    resource: `arn:aws:iam::${ACCOUNT}:user/${deployed(userName)}`,
    context: OVER_TLS,
  };
}

/**
 * Sending is authorised on the identity of the From address, on the configuration set if one is named, and in the sandbox
 * on the verified identity of the recipient too. The v2 call needs both actions if its content is raw.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
 */
function sesPermissions(call: AwsRequest, { deployed, identities }: CallSurroundings): Permission[] {
  // What is about the account as a whole has no resource.
  const command = commandOf(call);
  if (OF_ACCOUNT.has(command)) return [{ action: `ses:${command}`, resource: '*', context: OVER_TLS }];
  const { actions, from, configurationSet } = sendingOf(call);
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const identity = identities.find((known) => domain === known || domain.endsWith(`.${known}`));
  if (identity === undefined) throw new Error(`no identity of SES is verified for ${domain}`);
  const ses = `arn:aws:ses:${REGION}:${ACCOUNT}`;
  const resources = [
    `${ses}:identity/${identity}`,
    `${ses}:identity/${SANDBOX_RECIPIENT}`,
    ...(configurationSet === null ? [] : [`${ses}:configuration-set/${deployed(configurationSet)}`]),
  ];
  const context = { ...OVER_TLS, 'ses:FromAddress': from };
  return actions.flatMap((action) => resources.map((resource) => ({ action, resource, context })));
}

const OF_ACCOUNT: ReadonlySet<string> = new Set(['GetAccount', 'GetSendQuota', 'GetSendStatistics']);

/** Whom the sandbox lets get mail. */
const SANDBOX_RECIPIENT = 'example.org';

interface Sending {
  readonly actions: readonly string[];
  readonly from: string;
  readonly configurationSet: string | null;
}

function sendingOf(call: AwsRequest): Sending {
  const command = commandOf(call);
  if (command === 'SendRawEmail') {
    const form = new URLSearchParams(call.body.toString('latin1'));
    return {
      actions: ['ses:SendRawEmail'],
      from: form.get('Source') ?? '',
      configurationSet: form.get('ConfigurationSetName'),
    };
  }
  if (command === 'SendEmail') {
    const { FromEmailAddress, ConfigurationSetName, Content } = JSON.parse(call.body.toString());
    if (Content?.Raw === undefined) throw new Error('SendEmail with content that is not raw');
    return {
      actions: ['ses:SendEmail', 'ses:SendRawEmail'],
      from: String(FromEmailAddress),
      configurationSet: ConfigurationSetName ?? null,
    };
  }
  throw new Error(`what needs ${describe(call)}?`);
}

/** Metrics are no resources; what can be told apart is their namespace. */
function metricPermission(call: AwsRequest, { deployed }: CallSurroundings): Permission {
  const { Namespace } = JSON.parse(call.body.toString());
  return putMetricData(deployed(String(Namespace)));
}

export function putMetricData(namespace: string): Permission {
  const context = { ...OVER_TLS, 'cloudwatch:namespace': namespace };
  return { action: 'cloudwatch:PutMetricData', resource: '*', context };
}

const SES_V2_COMMANDS: Readonly<Record<string, string>> = {
  'POST /v2/email/outbound-emails': 'SendEmail',
  'GET /v2/email/account': 'GetAccount',
};

/** What the SDK calls it. The second version of SES tells it by verb and path. */
export function commandOf({ service, action, method, path }: AwsRequest): string {
  return (service === 'ses' ? SES_V2_COMMANDS[`${method} ${path}`] : undefined) ?? action;
}

function describe({ service, action, method, path }: AwsRequest): string {
  return `${service} ${action} ${method} ${path}`;
}
