import { type CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import type { DeploymentName } from '../deployment.ts';
import { type DeployedAlarm, readAlarm } from './deployed-alarm.ts';

/**
 * The alarms of a deployment, in the order of their names.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
 * @throws what the SDK throws
 */
export async function listAlarms(
  client: CloudWatchClient,
  { project, stage }: DeploymentName,
  signal: AbortSignal,
): Promise<DeployedAlarm[]> {
  const prefix = `${project}-mail-${stage}-`;
  const pages = paginateDescribeAlarms({ client }, { AlarmNamePrefix: prefix }, { abortSignal: signal });
  const alarms: DeployedAlarm[] = [];
  for await (const { MetricAlarms = [] } of pages) {
    alarms.push(...MetricAlarms.map((alarm) => readAlarm(alarm, prefix)));
  }
  return alarms;
}
