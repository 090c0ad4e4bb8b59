import { createHash } from 'node:crypto';
import { ACCOUNT_METRICS_TIMEOUT_SECONDS } from '../../../lambda/account-metrics/constants.ts';
import { alarmName, monitoringNames, monitoringStackName } from '../../../lib/common/names.ts';
import { alarmDefinitions } from '../../../lib/infra/monitoring/alarms.ts';
import { alarmText } from '../../../lib/infra/monitoring/mail-alarm.ts';
import type { Alarm, AwsAccount, StackResource } from './aws-account.ts';
import { type Deployment, type DeploymentOptions, readDeployment } from './deployment.ts';

/** Adds what deploying the monitoring stack of a stage creates, once its alarms were first evaluated. */
export function deployMonitoring(account: AwsAccount, options: DeploymentOptions = {}): void {
  const deployment = readDeployment(options);
  const { stage, domain, at, alarmEmail } = deployment;
  const names = monitoringNames(deployment);
  const topic = `arn:aws:sns:${account.region}:${account.id}:${names.alarmTopic}`;
  const alarms = alarmsOf(deployment, topic, account.region);
  const hasTopic = alarms.length > 0;
  account.add({
    stacks: [
      {
        name: monitoringStackName(deployment),
        description: `Monitors the mail pipeline of ${domain}: dashboards and alarms (${stage})`,
        status: 'CREATE_COMPLETE',
        createdAt: at,
        outputs: hasTopic ? { AlarmTopicArn: topic } : {},
        resources: stackResources(deployment, hasTopic ? topic : undefined),
      },
    ],
    alarms,
    topics: hasTopic
      ? [
          {
            arn: topic,
            subscriptions: alarmEmail.map((endpoint) => ({ protocol: 'email', endpoint, confirmed: false })),
          },
        ]
      : [],
    functions: [
      {
        name: names.accountMetricsFunction,
        timeoutSeconds: ACCOUNT_METRICS_TIMEOUT_SECONDS,
        environment: {},
        modifiedAt: at,
      },
    ],
  });
}

/** The settings that alarms are made of and that no test changes. */
const OTHER_SETTINGS = {
  eventWaitDefaultSeconds: 900,
  mailPerHourLimit: 5000,
  dashboards: true,
} as const;

/** The deployed stage is the one that watches the account. */
function settingsOf(deployment: Deployment) {
  return { ...OTHER_SETTINGS, ...deployment, accountMonitoring: deployment.stage };
}

function alarmsOf(deployment: Deployment, topic: string, region: string): Alarm[] {
  const settings = { ...settingsOf(deployment), region };
  return alarmDefinitions(settings).map((definition) => ({
    name: alarmName(deployment, definition.name),
    description: alarmText(definition, settings),
    state: 'OK',
    actions: [topic],
    changedAt: deployment.at,
  }));
}

/** The resources that an operator may look for; policies, roles and log groups are omitted. */
function stackResources(deployment: Deployment, topic: string | undefined): StackResource[] {
  const names = monitoringNames(deployment);
  const alarms = alarmDefinitions(settingsOf(deployment));
  return [
    resource('AccountMetrics/Function', 'AWS::Lambda::Function', names.accountMetricsFunction),
    // CloudFormation builds the name from its stack, its logical id and a random suffix.
    resource(
      'AccountMetrics/Schedule',
      'AWS::Events::Rule',
      `${monitoringStackName(deployment)}-AccountMetricsSchedule61B8702D-0A1B2C3D4E5F`,
    ),
    ...(topic === undefined ? [] : [resource('AlarmTopic/Topic', 'AWS::SNS::Topic', topic)]),
    ...alarms.map(({ name }) =>
      resource(`${pascalCase(name)}/Alarm`, 'AWS::CloudWatch::Alarm', alarmName(deployment, name)),
    ),
    resource('Dashboards/Mail', 'AWS::CloudWatch::Dashboard', names.mailDashboard),
    resource('Dashboards/Reputation', 'AWS::CloudWatch::Dashboard', names.reputationDashboard),
    resource('Dashboards/MachineRoom', 'AWS::CloudWatch::Dashboard', names.machineRoomDashboard),
  ];
}

/**
 * @param path of the construct in its stack
 * @see https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html
 */
function resource(path: string, type: string, physicalId: string): StackResource {
  const hash = createHash('md5').update(`${path}/Resource`).digest('hex').slice(0, 8).toUpperCase();
  const [outer = '', inner = ''] = path.split('/');
  // The CDK does not repeat a word.
  const words = outer.endsWith(inner) ? outer : `${outer}${inner}`;
  return { logicalId: `${words}${hash}`, type, physicalId };
}

const pascalCase = (name: string) =>
  name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
