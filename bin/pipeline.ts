import { App } from 'aws-cdk-lib';
import { bundleLambda } from '../lib/infra/lambda-bundle.ts';
import { readSettings } from '../lib/infra/settings.ts';
import { composePipeline } from '../lib/infra/stacks/compose-pipeline.ts';

const app = new App();
const read = readSettings(app.node.getAllContext());

if (read.kind === 'invalid') {
  console.error(read.message);
  process.exitCode = 1;
} else {
  composePipeline(app, {
    settings: read.settings,
    resendBundle: bundleLambda('resend').directory,
    feedbackBundle: bundleLambda('feedback').directory,
    accountMetricsBundle: bundleLambda('account-metrics').directory,
  });
}
