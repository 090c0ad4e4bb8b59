import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import {
  ACCOUNT_METRICS_ENV,
  ACCOUNT_METRICS_PERIOD_MINUTES,
  ACCOUNT_METRICS_TIMEOUT_SECONDS,
} from '../../../lambda/account-metrics/constants.ts';
import { type DeployedFunctionProps, PipelineFunction } from './pipeline-function.ts';

/** With less, a cold start and three TLS handshakes take longer and cost the same. */
const MEMORY_MIB = 512;

export interface AccountMetricsFunctionProps extends DeployedFunctionProps {
  /** The namespace of its metrics, and the value of their dimension `stage`. */
  readonly metrics: { readonly namespace: string; readonly stage: string };

  /** The IAM user whose access key the API holds, by its name. */
  readonly userName: string;

  /** The table of the suppression list, by its name. */
  readonly suppressionTable: string;
}

/**
 * The Lambda that measures, every few minutes, what no mail shows: the SES quota, the age of the access key, the size of
 * the suppression list.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
 */
export class AccountMetricsFunction extends PipelineFunction {
  constructor(scope: Construct, id: string, props: AccountMetricsFunctionProps) {
    super(scope, id, {
      ...props,
      description: 'Publishes the use of the SES quota and the age of the access key',
      timeout: Duration.seconds(ACCOUNT_METRICS_TIMEOUT_SECONDS),
      memoryMib: MEMORY_MIB,
      environment: {
        [ACCOUNT_METRICS_ENV.metricsNamespace]: props.metrics.namespace,
        [ACCOUNT_METRICS_ENV.metricsStage]: props.metrics.stage,
        [ACCOUNT_METRICS_ENV.userName]: props.userName,
        [ACCOUNT_METRICS_ENV.suppressionTable]: props.suppressionTable,
      },
    });
    this.allowReads(props);
    // A retry would measure the same; the next scheduled run comes as soon.
    this.function.configureAsyncInvoke({
      retryAttempts: 0,
      maxEventAge: Duration.minutes(ACCOUNT_METRICS_PERIOD_MINUTES),
    });
    new Rule(this, 'Schedule', {
      description: `Starts ${props.functionName}`,
      schedule: Schedule.rate(Duration.minutes(ACCOUNT_METRICS_PERIOD_MINUTES)),
      targets: [new LambdaFunction(this.function, { retryAttempts: 0 })],
    });
  }

  private allowReads({ userName, suppressionTable }: AccountMetricsFunctionProps): void {
    const stack = Stack.of(this);
    const user = stack.formatArn({ service: 'iam', region: '', resource: 'user', resourceName: userName });
    const table = stack.formatArn({ service: 'dynamodb', resource: 'table', resourceName: suppressionTable });
    for (const [action, resource] of [
      ['ses:GetAccount', '*'],
      ['iam:ListAccessKeys', user],
      ['dynamodb:DescribeTable', table],
    ] as const) {
      this.role.addToPolicy(new PolicyStatement({ actions: [action], resources: [resource] }));
    }
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'ses:GetAccount reads the whole account; IAM knows no resource to limit it to.',
    });
  }
}
