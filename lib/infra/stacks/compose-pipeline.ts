import { type App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { identityStackName, monitoringStackName, pipelineStackName } from '../../common/names.ts';
import type { Settings } from '../settings.ts';
import { MailIdentityStack } from './mail-identity-stack.ts';
import { MailMonitoringStack } from './mail-monitoring-stack.ts';
import { MailPipelineStack } from './mail-pipeline-stack.ts';

export interface ComposePipelineProps {
  readonly settings: Settings;

  /** The folder with the bundled resend Lambda. */
  readonly resendBundle: string;

  /** The folder with the bundled feedback Lambda. */
  readonly feedbackBundle: string;

  /** The folder with the bundled account-metrics Lambda. */
  readonly accountMetricsBundle: string;
}

export interface ComposedPipeline {
  readonly identity: MailIdentityStack;
  readonly pipeline: MailPipelineStack;
  readonly monitoring: MailMonitoringStack;
}

/**
 * Adds the stacks of one stage to the app: the identity, which both stages share, the pipeline and its monitoring. A
 * finding of cdk-nag's AwsSolutions that is not acknowledged with a reason fails the synth.
 */
export function composePipeline(app: App, props: ComposePipelineProps): ComposedPipeline {
  const { settings, resendBundle, feedbackBundle, accountMetricsBundle } = props;
  const { project, stage, region, account } = settings;
  const env = { region, ...(account === undefined ? {} : { account }) };

  const identity = new MailIdentityStack(app, identityStackName(settings), { env, settings });
  const pipeline = new MailPipelineStack(app, pipelineStackName(settings), {
    env,
    settings,
    resendBundle,
    feedbackBundle,
  });
  const monitoring = new MailMonitoringStack(app, monitoringStackName(settings), {
    env,
    settings,
    accountMetricsBundle,
  });

  Tags.of(app).add('project', project);
  Tags.of(identity).add('stage', 'shared');
  Tags.of(pipeline).add('stage', stage);
  Tags.of(monitoring).add('stage', stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { identity, pipeline, monitoring };
}
