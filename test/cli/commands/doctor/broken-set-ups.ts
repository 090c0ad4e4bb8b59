import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { DynamoSendingState } from '../../../../lib/adapters/dynamodb/dynamo-sending-state.ts';
import { DAY_MS } from '../../../../lib/common/time.ts';
import { INITIAL_SENDING_STATE, type SendingState } from '../../../../lib/domain/sending-state.ts';
import type { Alarm, AwsAccount } from '../../../support/aws-account/aws-account.ts';
import type { DoctorBench, DoctorQueues } from './doctor-bench.ts';
import { handOver } from './hand-over.ts';

export interface BrokenSetUp {
  readonly what: string;
  /** The zone to look at; any other than the default needs a name server. @default good.test */
  readonly domain?: string;
  readonly break: (bench: DoctorBench) => unknown;
  /** All checks that warn or fail, by group and name, each with an excerpt of its fix. */
  readonly amiss: Readonly<Record<string, readonly ['warn' | 'fail', string]>>;
  /** Checks that are then skipped. */
  readonly skipped?: readonly string[];
}

const URGENT_MAPPING = '00000000-0000-4000-8000-00000004e4e7';
const EARLIER = new Date(Date.now() - DAY_MS);
const DEPLOY = 'npm run deploy -- -c stage=dev';
const OF_STACK = [
  'sending outage',
  'sending configuration-set',
  'sending event-destination',
  'queues fallback',
  'queues urgent',
  'queues held',
  'queues feedback',
  'queues receipts',
  'queues dead-letters',
  'queues feedback-dead-letters',
  'queues receipts-dead-letters',
  'functions resend-source',
  'functions feedback-source',
  'functions resend-concurrency',
  'fallback in-use',
  'key access-key',
  'secrets urgent-queue',
  'secrets vault',
  'secrets kubernetes',
];
const OF_AWS = [
  'stacks identity',
  'stacks pipeline',
  'stacks monitoring',
  'identity verified',
  'identity dkim',
  'identity mail-from',
  'sending production',
  'sending quota',
  'sending enabled',
  'functions account-metrics',
  'alarms subscribers',
  'alarms ringing',
  'alarms runbook',
  ...OF_STACK,
];

export const BROKEN_SET_UPS: readonly BrokenSetUp[] = [
  {
    what: 'the pipeline is not deployed, and IAM has its user already',
    break: ({ account }) => account.stacks.delete('keybuzz-mail-pipeline-dev'),
    amiss: { 'stacks pipeline': ['fail', 'IAM has a user keybuzz-ses-dev already: set another "userName"'] },
    skipped: OF_STACK,
  },
  {
    what: 'the pipeline is not deployed',
    break: ({ account }) => account.stacks.delete('keybuzz-mail-pipeline-dev'),
    amiss: { 'stacks pipeline': ['fail', DEPLOY] },
    skipped: OF_STACK,
  },
  {
    what: 'the first deployment was rolled back',
    break: ({ account }) => setStatus(account.stacks.get('keybuzz-mail-pipeline-dev'), 'ROLLBACK_COMPLETE'),
    amiss: {
      'stacks pipeline': ['fail', 'aws cloudformation delete-stack --stack-name keybuzz-mail-pipeline-dev'],
    },
  },
  {
    what: 'the monitoring is not deployed',
    break: ({ account }) => {
      account.stacks.delete('keybuzz-mail-monitoring-dev');
      account.alarms.clear();
    },
    amiss: { 'stacks monitoring': ['warn', DEPLOY], 'alarms subscribers': ['warn', DEPLOY] },
    skipped: ['functions account-metrics', 'alarms ringing', 'alarms runbook'],
  },
  {
    what: 'the first deployment of the monitoring was rolled back',
    break: ({ account }) => setStatus(account.stacks.get('keybuzz-mail-monitoring-dev'), 'ROLLBACK_COMPLETE'),
    amiss: {
      'stacks monitoring': [
        'warn',
        'aws cloudformation delete-stack --stack-name keybuzz-mail-monitoring-dev',
      ],
    },
  },
  {
    what: 'the identity is pending',
    break: ({ ses, domain }) => setStatus(ses.account.identities.get(domain), 'PENDING'),
    amiss: {
      'identity verified': ['fail', 'enter the DKIM records that mailctl dns --check names'],
      'identity dkim': ['fail', 'enter the DKIM records that mailctl dns --check names'],
    },
  },
  {
    what: 'SES gave up verifying the MAIL FROM domain',
    break: ({ ses, domain }) => {
      const identity = ses.account.identities.get(domain);
      if (identity !== undefined) identity.mailFrom = { domain: `bounce.${domain}`, status: 'FAILED' };
    },
    amiss: {
      'identity mail-from': [
        'warn',
        'aws sesv2 put-email-identity-mail-from-attributes --email-identity good.test',
      ],
    },
  },
  {
    what: 'a DKIM record is missing in the DNS',
    domain: 'no-dkim.test',
    break: () => {},
    amiss: { 'dns dkim': ['fail', '._domainkey.no-dkim.test CNAME '] },
  },
  {
    what: 'the MX of the MAIL FROM domain is of another Region',
    domain: 'wrong-mx.test',
    break: () => {},
    amiss: { 'dns mail-from-mx': ['fail', 'have 10 feedback-smtp.eu-west-1.amazonses.com there, alone'] },
  },
  {
    what: 'the MAIL FROM subdomain is a mail host of its own',
    domain: 'collision.test',
    break: () => {},
    amiss: {
      'dns mail-from-mx': ['fail', 'choose another mailFromSubdomain in cdk.json'],
      'dns mail-from-host': ['fail', 'choose another mailFromSubdomain in cdk.json'],
    },
  },
  {
    what: 'the account is in the sandbox',
    break: ({ ses }) => {
      ses.account.sandbox = true;
    },
    amiss: { 'sending production': ['warn', 'mailctl production-access'] },
  },
  {
    what: 'the quota of the day is used up',
    break: ({ ses }) => {
      ses.account.max24HourSend = 0;
    },
    amiss: { 'sending quota': ['fail', 'Service Quotas'] },
  },
  {
    what: 'sending is paused for the account',
    break: ({ ses }) => {
      ses.account.sendingEnabled = false;
    },
    amiss: { 'sending enabled': ['fail', 'aws sesv2 put-account-sending-attributes --sending-enabled'] },
  },
  {
    what: 'SES publishes no events of what is resent',
    break: ({ ses }) =>
      ses.account.configurationSets.set('keybuzz-mail-dev', { sendingEnabled: true, publishesEvents: false }),
    amiss: { 'sending event-destination': ['fail', 'cloudformation detect-stack-drift'] },
  },
  {
    what: 'sending is paused for the configuration set',
    break: ({ ses }) => ses.account.configurationSets.set('keybuzz-mail-dev', { sendingEnabled: false }),
    amiss: {
      'sending configuration-set': [
        'fail',
        'aws sesv2 put-configuration-set-sending-options --configuration-set-name keybuzz-mail-dev --sending-enabled',
      ],
    },
  },
  {
    what: 'the resend function does not poll its queue',
    break: ({ account }) => {
      for (const mapping of account.sourceMappings.values()) {
        if (mapping.functionName === 'keybuzz-mail-resend-dev') mapping.state = 'Disabled';
      }
    },
    amiss: {
      'functions resend-source': [
        'fail',
        'aws lambda update-event-source-mapping --uuid 00000000-0000-4000-8000-0000000e5e4d --enabled',
      ],
    },
  },
  {
    what: 'the resend function does not poll the queue of urgent mail',
    break: ({ account }) => {
      const mapping = account.sourceMappings.get(URGENT_MAPPING);
      if (mapping !== undefined) mapping.state = 'Disabled';
    },
    amiss: {
      'functions resend-source': [
        'fail',
        `aws lambda update-event-source-mapping --uuid ${URGENT_MAPPING} --enabled`,
      ],
    },
  },
  {
    what: 'the queue of urgent mail feeds the resend function no more',
    break: ({ account }) => account.sourceMappings.delete(URGENT_MAPPING),
    amiss: { 'functions resend-source': ['fail', 'cloudformation detect-stack-drift'] },
  },
  {
    what: 'the secret is of a version without the queue of urgent mail',
    break: ({ account }) => {
      for (const secret of account.secrets.values()) {
        const { FALLBACK_URGENT_QUEUE_URL: _, ...earlier } = JSON.parse(secret.value ?? '{}');
        secret.value = JSON.stringify(earlier);
      }
    },
    amiss: { 'secrets urgent-queue': ['warn', 'mailctl rotate'] },
  },
  {
    what: 'the account may send faster than the functions do',
    break: ({ account, ses }) => {
      ses.account.maxSendRate = 200;
      for (const [id, mapping] of account.sourceMappings) {
        account.sourceMappings.set(id, { ...mapping, maximumConcurrency: 2 });
      }
    },
    amiss: { 'functions resend-concurrency': ['warn', 'set "maximumConcurrency" to 5 in cdk.json'] },
  },
  {
    what: 'the reputation fuse holds mail',
    break: ({ queues: { aws } }) =>
      aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.held.url, MessageBody: '{}' })),
    amiss: { 'queues held': ['warn', 'mailctl fuse'] },
  },
  {
    what: 'SES takes no mail',
    break: ({ queues }) => remember(queues, { outage: OUTAGE }),
    amiss: { 'sending outage': ['fail', 'mailctl rate'] },
  },
  {
    what: 'there are dead letters',
    break: ({ queues: { aws } }) =>
      aws.sqs.send(new SendMessageCommand({ QueueUrl: aws.deadLetters.url, MessageBody: '{}' })),
    amiss: { 'queues dead-letters': ['warn', 'mailctl dlq ls'] },
  },
  {
    what: 'the subscription to the alarms is not confirmed',
    break: ({ account, alarmTopic }) => {
      for (const subscription of account.topics.get(alarmTopic)?.subscriptions ?? [])
        subscription.confirmed = false;
    },
    amiss: { 'alarms subscribers': ['warn', 'follow the link in the mail from AWS to o***@example.org'] },
  },
  {
    what: 'the alarms have no subscriber',
    break: ({ account, alarmTopic }) => account.add({ topics: [{ arn: alarmTopic, subscriptions: [] }] }),
    amiss: { 'alarms subscribers': ['warn', 'aws sns subscribe --topic-arn arn:aws:sns:eu-west-1:'] },
  },
  {
    what: 'the topic of the alarms was deleted',
    break: ({ account, alarmTopic }) => account.topics.delete(alarmTopic),
    amiss: {
      'alarms subscribers': [
        'warn',
        'aws cloudformation detect-stack-drift --stack-name keybuzz-mail-monitoring-dev',
      ],
    },
  },
  {
    what: 'the actions of an alarm were disabled',
    break: ({ account }) => change(account, 'receipts-unread', { actionsEnabled: false }),
    amiss: {
      'alarms subscribers': [
        'warn',
        'aws cloudwatch enable-alarm-actions --alarm-names keybuzz-mail-dev-receipts-unread',
      ],
    },
  },
  {
    what: 'there are no alarms',
    break: ({ account }) => account.alarms.clear(),
    amiss: { 'alarms subscribers': ['warn', `set alarms to essential`] },
    skipped: ['alarms ringing', 'alarms runbook'],
  },
  {
    what: 'a warning alarm rings',
    break: ({ account }) => change(account, 'receipts-unread', { state: 'ALARM' }),
    amiss: { 'alarms ringing': ['warn', '; then https://wiki.example/runbook#receipts-unread'] },
  },
  {
    what: 'a critical alarm rings, and another',
    break: ({ account }) => {
      change(account, 'fallback-in-use', { state: 'ALARM' });
      change(account, 'dead-letters', { state: 'ALARM' });
    },
    amiss: {
      'alarms ringing': [
        'fail',
        'mailctl dlq ls; then https://wiki.example/runbook#dead-letters; the others: mailctl alarms',
      ],
    },
  },
  {
    what: 'the account-metrics function publishes no data',
    break: ({ account }) => change(account, 'quota-near', { state: 'INSUFFICIENT_DATA', changedAt: EARLIER }),
    amiss: {
      'alarms ringing': ['warn', 'aws logs tail /aws/lambda/keybuzz-mail-account-metrics-dev --since 1h'],
    },
  },
  {
    what: 'the account-metrics function was deleted',
    break: ({ account }) => account.functions.delete('keybuzz-mail-account-metrics-dev'),
    amiss: {
      'functions account-metrics': [
        'warn',
        'aws cloudformation detect-stack-drift --stack-name keybuzz-mail-monitoring-dev',
      ],
    },
  },
  {
    what: 'the last update of the account-metrics function failed',
    break: ({ account }) => {
      const deployed = account.functions.get('keybuzz-mail-account-metrics-dev');
      if (deployed !== undefined) deployed.lastUpdateStatus = 'Failed';
    },
    amiss: {
      'functions account-metrics': [
        'warn',
        'aws logs tail /aws/lambda/keybuzz-mail-account-metrics-dev --since 1h',
      ],
    },
  },
  {
    what: 'SMTP is down, and mail is sent by the fallback',
    break: ({ account }) => handOver(account.metrics, { minutesAgo: 20, class: 'unreachable', down: true }),
    amiss: { 'fallback in-use': ['warn', 'docs/runbook.md#fallback-in-use'] },
  },
  {
    what: 'the access key is 400 days old',
    break: ({ account }) => account.add({ users: [userWithKeys(400)] }),
    amiss: {
      'key access-key': ['fail', 'mailctl rotate'],
    },
  },
  {
    what: 'two access keys are active',
    break: ({ account }) => account.add({ users: [userWithKeys(10, 1)] }),
    amiss: { 'key access-key': ['warn', 'mailctl rotate'] },
  },
  {
    what: "mail-core's certificate is self-signed",
    break: ({ env }) => {
      env.SMTP_TLS_CA = undefined;
    },
    amiss: { 'smtp certificate': ['fail', 'certbot certonly --standalone -d 127.0.0.1'] },
  },
  {
    what: 'mail-core is down',
    break: ({ smtp }) => smtp.behave({ kind: 'refused' }),
    amiss: { 'smtp host': ['fail', 'systemctl start postfix'] },
    skipped: ['smtp starttls', 'smtp certificate'],
  },
  {
    what: 'Vault is sealed',
    break: ({ vault }) => {
      vault.state.condition = { kind: 'sealed' };
    },
    amiss: { 'secrets vault': ['fail', 'vault operator unseal'] },
  },
  {
    what: 'Vault has an older secret',
    break: ({ vault, vaultPath }) =>
      vault.state
        .secrets()
        .write(vaultPath, { ...vault.state.secrets().fields(vaultPath), AWS_SES_ACCESS_KEY: 'AKIAOLD' }),
    amiss: { 'secrets vault': ['warn', 'mailctl secrets vault'] },
  },
  {
    what: 'there are no credentials',
    break: ({ env }) => {
      env.AWS_ACCESS_KEY_ID = undefined;
      env.AWS_SECRET_ACCESS_KEY = undefined;
    },
    amiss: { 'account credentials': ['fail', 'sign in to AWS'] },
    skipped: OF_AWS,
  },
  {
    what: 'CloudFormation never responds',
    break: ({ double, args }) => {
      double.fault({ fault: { kind: 'silence' }, on: { service: 'cloudformation' } });
      args.push('--timeout', '3');
    },
    amiss: {
      'stacks identity': ['fail', 'check the network, --region, and AWS_ENDPOINT_URL'],
      'stacks pipeline': ['fail', 'check the network, --region, and AWS_ENDPOINT_URL'],
      'stacks monitoring': ['fail', 'check the network, --region, and AWS_ENDPOINT_URL'],
    },
    skipped: [
      'identity verified',
      'identity dkim',
      'identity mail-from',
      'functions account-metrics',
      ...OF_STACK,
    ],
  },
  {
    what: 'Lambda never responds',
    break: ({ double, args }) => {
      double.fault({ fault: { kind: 'silence' }, on: { service: 'lambda' } });
      args.push('--timeout', '3');
    },
    amiss: {
      'functions resend-source': ['fail', 'mailctl doctor --only functions --timeout 60'],
      'functions feedback-source': ['fail', 'mailctl doctor --only functions --timeout 60'],
      'functions resend-concurrency': ['fail', 'mailctl doctor --only functions --timeout 60'],
      'functions account-metrics': ['fail', 'mailctl doctor --only functions --timeout 60'],
    },
  },
];

const OUTAGE = {
  cause: 'ses-unavailable',
  sinceMs: EARLIER.getTime(),
  failures: 9,
  probeAtMs: Date.now() + 20_000,
};

/** What the functions know together from then on. */
export async function remember(
  { dynamoDb: { client, ledgerTable } }: DoctorQueues,
  changes: Partial<SendingState>,
): Promise<void> {
  const store = new DynamoSendingState(client, { tableName: ledgerTable, timeoutMs: 5_000 });
  await store.write({ ...INITIAL_SENDING_STATE, ...changes }, await store.read());
}

function change({ alarms }: AwsAccount, name: string, changes: Partial<Alarm>): void {
  const alarm = alarms.get(`keybuzz-mail-dev-${name}`);
  if (alarm === undefined) throw new Error(`there is no alarm ${name}`);
  alarms.set(alarm.name, { ...alarm, ...changes });
}

function setStatus<Status>(thing: { status: Status } | undefined, status: Status): void {
  if (thing === undefined) throw new Error('it is not there');
  thing.status = status;
}

function userWithKeys(...days: readonly number[]) {
  const createdAt = (ago: number) => new Date(Date.now() - ago * DAY_MS);
  const accessKeys = days.map((ago) => ({ id: `AKIAMADEUPKEY00000${ago}`, createdAt: createdAt(ago) }));
  return { name: 'keybuzz-ses-dev', createdAt: createdAt(500), accessKeys };
}
