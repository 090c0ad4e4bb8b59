import { arnOfThe, callingServices } from './calls-of-services.ts';
import type { AuthorisationRequest, Principal } from './evaluate-policies.ts';
import { OVER_TLS, PAYLOAD_KEY, type Permission, putMetricData } from './needed-permissions.ts';
import type { PipelinePrincipal, Who } from './pipeline-principals.ts';
import { ACCOUNT, REGION, type Resources } from './resolved-template.ts';

/** A call that must not succeed, and why somebody might try it. */
export interface ForbiddenCall {
  readonly what: string;
  readonly request: AuthorisationRequest;
}

const SES = `arn:aws:ses:${REGION}:${ACCOUNT}`;
const IDENTITY = `${SES}:identity/keybuzz.io`;
const FROM_US = { ...OVER_TLS, 'ses:FromAddress': 'support@keybuzz.io' };
const SENDS = ['ses:SendEmail', 'ses:SendRawEmail'];

/** What nobody may do with the pipeline. */
export function forbiddenCalls(
  resources: Resources,
  principals: readonly PipelinePrincipal[],
): ForbiddenCall[] {
  const principalOf = (who: Who): Principal => {
    const found = principals.find((one) => one.who === who);
    if (found === undefined) throw new Error(`no principal ${who}`);
    return found.principal;
  };
  const call = (who: Who, action: string, resource: string, context = OVER_TLS): ForbiddenCall => ({
    what: `${who}: ${action} on ${resource} from ${context['ses:FromAddress'] ?? 'nobody'}`,
    request: { principal: principalOf(who), action, resource, context },
  });
  const queue = (name: string) => arnOfThe('AWS::SQS::Queue', new RegExp(`-mail-${name}-prod$`), resources);
  const table = (name: string) => arnOfThe('AWS::DynamoDB::Table', new RegExp(name), resources);
  const bucket = arnOfThe('AWS::S3::Bucket', /./, resources);
  const configurationSet = arnOfThe('AWS::SES::ConfigurationSet', /./, resources);
  const user = arnOfThe('AWS::IAM::User', /./, resources);

  const sendsOf = (who: Who, resource: string, from: string) =>
    SENDS.map((action) => call(who, action, resource, { ...OVER_TLS, 'ses:FromAddress': from }));
  return [
    // A key of the API that leaked sends nothing, reads no mail and hides no trace.
    ...SENDS.flatMap((action) =>
      [IDENTITY, configurationSet].map((arn) => call('api', action, arn, FROM_US)),
    ),
    ...['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:PurgeQueue'].flatMap((action) =>
      [queue('fallback'), queue('fallback-urgent')].map((arn) => call('api', action, arn)),
    ),
    call('api', 'sqs:SendMessage', queue('held')),
    call('api', 'sqs:SendMessage', queue('receipts')),
    call('api', 'sqs:SendMessage', queue('feedback')),
    call('api', 'sqs:ReceiveMessage', queue('dead-letters')),
    call('api', 's3:GetObject', `${bucket}/${PAYLOAD_KEY}`),
    call('api', 's3:DeleteObject', `${bucket}/${PAYLOAD_KEY}`),
    call('api', 's3:PutObject', `${bucket}/elsewhere`),
    // Nor does it change a payload that is there.
    call('api', 's3:PutObject', `${bucket}/${PAYLOAD_KEY}`),
    ...['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'].map((action) =>
      call('api', `dynamodb:${action}`, table('ledger')),
    ),
    // Nor does it quieten an alarm on what others count.
    ...['keybuzz/mail', 'keybuzz/mail-worker-2', 'other/mail-worker'].map((namespace) => ({
      what: `api: cloudwatch:PutMetricData into ${namespace}`,
      request: { principal: principalOf('api'), ...putMetricData(namespace) },
    })),
    ...['cloudwatch:SetAlarmState', 'cloudwatch:DeleteAlarms', 'cloudwatch:DisableAlarmActions'].map(
      (action) => call('api', action, '*'),
    ),
    // The feedback Lambda only writes down.
    ...SENDS.flatMap((action) =>
      [IDENTITY, configurationSet].map((arn) => call('feedback', action, arn, FROM_US)),
    ),
    ...['fallback', 'fallback-urgent', 'held'].map((name) =>
      call('feedback', 'sqs:SendMessage', queue(name)),
    ),
    call('feedback', 's3:GetObject', `${bucket}/${PAYLOAD_KEY}`),
    call('feedback', 'dynamodb:DeleteItem', table('suppression')),
    // The account-metrics Lambda counts what there is: it reads no address, sends nothing and makes no key.
    ...SENDS.flatMap((action) =>
      [IDENTITY, configurationSet].map((arn) => call('account-metrics', action, arn, FROM_US)),
    ),
    call('account-metrics', 'ses:PutAccountSendingAttributes', '*'),
    ...['GetItem', 'Query', 'Scan', 'PutItem', 'DeleteTable'].map((action) =>
      call('account-metrics', `dynamodb:${action}`, table('suppression')),
    ),
    call('account-metrics', 'dynamodb:DescribeTable', table('ledger')),
    ...['CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey', 'AttachUserPolicy'].map((action) =>
      call('account-metrics', `iam:${action}`, user),
    ),
    call('account-metrics', 'iam:ListAccessKeys', `${user}-2`),
    // The resend Lambda sends in one name by one configuration set, and forgets nothing.
    ...['ceo@example.org', 'support@keybuzz.io.example.org', 'support@notkeybuzz.io'].flatMap((from) => [
      ...sendsOf('resend', IDENTITY, from),
      ...sendsOf('resend', `${SES}:identity/example.org`, from),
    ]),
    ...sendsOf('resend', `${SES}:configuration-set/another`, 'support@keybuzz.io'),
    ...['DeleteTable', 'UpdateTable', 'DeleteItem', 'Scan'].map((action) =>
      call('resend', `dynamodb:${action}`, table('ledger')),
    ),
    call('resend', 'dynamodb:PutItem', table('suppression')),
    call('resend', 's3:DeleteObject', `${bucket}/${PAYLOAD_KEY}`),
    call('resend', 'sqs:SendMessage', queue('feedback')),
    ...foreignEvents(resources),
    ...overPlainHttp(principals),
  ];
}

/** SES and SNS are asked by the whole world: what another account or configuration set publishes is no event of ours. */
function foreignEvents(resources: Resources): ForbiddenCall[] {
  const foreign = {
    'aws:SourceAccount': '999999999999',
    'aws:SourceArn': `${SES}:configuration-set/another`,
  };
  return callingServices(resources).flatMap(({ principal, needed }) =>
    needed.map(({ action, resource, context }) => ({
      what: `${principal.kind === 'service' ? principal.name : ''} for somebody else: ${action} on ${resource}`,
      request: { principal, action, resource, context: { ...context, ...foreign } },
    })),
  );
}

/** SES, logs and traces are not here: their endpoints speak HTTPS alone, and they have no policies of resources. */
const SPEAK_PLAIN_HTTP = ['sqs', 's3', 'dynamodb'];

function overPlainHttp(principals: readonly PipelinePrincipal[]): ForbiddenCall[] {
  const changed = [
    { how: 'over plain HTTP', of: SPEAK_PLAIN_HTTP, change: { 'aws:SecureTransport': 'false' } },
    { how: 'over TLS 1.1', of: ['s3'], change: { 's3:TlsVersion': '1.1' } },
  ];
  return principals.flatMap(({ who, principal, recorded }) =>
    changed.flatMap(({ how, of, change }) =>
      recorded
        .filter(({ action }) => of.includes(serviceOf(action)))
        .map(({ action, resource, context }) => ({
          what: `${who} ${how}: ${action} on ${resource}`,
          request: { principal, action, resource, context: { ...context, ...change } },
        })),
    ),
  );
}

function serviceOf(action: Permission['action']): string {
  return action.split(':')[0] ?? '';
}
