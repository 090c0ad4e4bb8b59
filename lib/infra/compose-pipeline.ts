import { type App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { MailIdentityStack } from './mail-identity-stack.ts';
import { MailPipelineStack } from './mail-pipeline-stack.ts';
import { MailWatchStack } from './mail-watch-stack.ts';
import type { Settings } from './settings.ts';
import { watchNames } from './watch/watch-names.ts';

export interface ComposePipelineProps {
  readonly settings: Settings;

  /** The folder with the bundled resend Lambda. */
  readonly resendBundle: string;

  /** The folder with the bundled feedback Lambda. */
  readonly feedbackBundle: string;

  /** The folder with the bundled watch Lambda. */
  readonly watchBundle: string;
}

export interface ComposedPipeline {
  readonly identity: MailIdentityStack;
  readonly pipeline: MailPipelineStack;
  readonly watch: MailWatchStack;
}

/**
 * Puts the stacks of one stage into the app: the identity, which both stages share, the pipeline, and what
 * looks at it. A finding of cdk-nag's AwsSolutions that nobody has acknowledged with a reason fails the synth.
 */
export function composePipeline(app: App, props: ComposePipelineProps): ComposedPipeline {
  const { settings, resendBundle, feedbackBundle, watchBundle } = props;
  const { project, stage, region, account } = settings;
  const env = { region, ...(account === undefined ? {} : { account }) };
  const identityName = `${project}-mail-identity`;
  const pipelineName = `${project}-mail-pipeline-${stage}`;

  const identity = new MailIdentityStack(app, identityName, { env, settings });
  const pipeline = new MailPipelineStack(app, pipelineName, {
    env,
    settings,
    resendBundle,
    feedbackBundle,
  });
  const watch = new MailWatchStack(app, watchNames(settings).stack, { env, settings, watchBundle });

  Tags.of(app).add('project', project);
  Tags.of(identity).add('stage', 'shared');
  Tags.of(pipeline).add('stage', stage);
  Tags.of(watch).add('stage', stage);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { identity, pipeline, watch };
}
