import type { CommandContext } from '../command-context.ts';
import { describeDeployment, identityStackName, pipelineStackName } from '../deployment.ts';
import { domainOf, neededRecords, recordFor } from '../dns/needed-records.ts';
import { OperatorError } from '../operator-error.ts';

/** What of the deployment AWS is told. */
export interface DeploymentFacts {
  readonly domain: string;
  readonly mailFromDomain: string;
  readonly region: string;
  readonly configurationSet: string;
}

/** @throws {@link OperatorError} where it is not deployed: nothing could be said of how bounces are handled */
export async function deploymentFacts({
  aws,
  deployment,
  signal,
}: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>): Promise<DeploymentFacts> {
  const { identity, pipeline } = await describeDeployment(await aws.cloudFormation(), deployment, signal);
  const configurationSet = pipeline?.outputs.ConfigurationSetName;
  if (identity === undefined || configurationSet === undefined) {
    const missing = identity === undefined ? identityStackName(deployment) : pipelineStackName(deployment);
    throw new OperatorError(
      'NOT_DEPLOYED',
      `there is no stack ${missing} in this Region, and the request tells what is deployed`,
      `npm run deploy -- -c stage=${deployment.stage}`,
    );
  }
  const needed = neededRecords(identity);
  const mailFromDomain = recordFor(needed, 'mail-from-mx').name;
  return { domain: domainOf(needed), mailFromDomain, region: aws.region, configurationSet };
}
