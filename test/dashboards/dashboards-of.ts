import * as v from 'valibot';
import { type DeploymentPlace, templateValue } from './template-value.ts';

/** A dashboard in the form that is deployed. */
export interface DashboardDefinition {
  readonly name: string;
  /** Parsed from its JSON. */
  readonly body: unknown;
}

const template = v.object({
  Resources: v.record(
    v.string(),
    v.object({ Type: v.string(), Properties: v.optional(v.record(v.string(), v.unknown()), {}) }),
  ),
});

/** A made-up account, and any Region. */
const SOMEWHERE: DeploymentPlace = { region: 'eu-west-1', account: '123456789012', partition: 'aws' };

/**
 * The dashboards of a synthesised template, in its order.
 *
 * @throws Error for a dashboard without a name, and for one with values that only AWS knows
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-dashboard.html
 */
export function dashboardsOf(
  synthesised: unknown,
  place: DeploymentPlace = SOMEWHERE,
): readonly DashboardDefinition[] {
  const { Resources: resources } = v.parse(template, synthesised);
  const context = { ...place, resources };
  return Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Dashboard')
    .map(({ Properties: { DashboardName, DashboardBody } }) => ({
      name: templateValue(DashboardName, context),
      body: JSON.parse(templateValue(DashboardBody, context)),
    }));
}
