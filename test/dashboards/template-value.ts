/** Deployment values that only AWS knows, with placeholders for the pictures. */
export interface DeploymentPlace {
  readonly region: string;
  readonly account: string;
  readonly partition: string;
}

type Resources = Readonly<Record<string, { Type: string; Properties?: Readonly<Record<string, unknown>> }>>;

export interface TemplateContext extends DeploymentPlace {
  readonly resources: Resources;
}

/**
 * The text that results from a value of a template once it is deployed: texts, Fn::Join, Fn::Sub without its
 * own variables, Ref to a pseudo parameter or to a resource with a name, Fn::GetAtt to an alarm's ARN.
 *
 * @throws Error that shows any other value
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function templateValue(value: unknown, context: TemplateContext): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) {
    const [[name, argument] = ['', undefined], ...others] = Object.entries(value);
    const text = others.length === 0 ? call(name, argument, context) : undefined;
    if (text !== undefined) return text;
  }
  throw new Error(`only AWS knows what ${JSON.stringify(value)} is`);
}

function call(name: string, argument: unknown, context: TemplateContext): string | undefined {
  switch (name) {
    case 'Fn::Join':
      return Array.isArray(argument) ? joined(argument, context) : undefined;
    case 'Fn::Sub':
      return typeof argument === 'string' ? substituted(argument, context) : undefined;
    case 'Ref':
      return typeof argument === 'string' ? referred(argument, context) : undefined;
    case 'Fn::GetAtt':
      return Array.isArray(argument) ? attribute(argument, context) : undefined;
    default:
      return undefined;
  }
}

function joined([separator, parts]: readonly unknown[], context: TemplateContext): string | undefined {
  if (typeof separator !== 'string' || !Array.isArray(parts)) return undefined;
  return parts.map((part) => templateValue(part, context)).join(separator);
}

/** `${!x}` is the escape of a literal `${x}`. */
function substituted(pattern: string, context: TemplateContext): string {
  return pattern.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal !== '') return `\${${name}}`;
    const [id = '', ...path] = name.split('.');
    const value = path.length === 0 ? { Ref: id } : { 'Fn::GetAtt': [id, path.join('.')] };
    return templateValue(value, context);
  });
}

function referred(id: string, context: TemplateContext): string | undefined {
  const { region, account, partition } = context;
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::Region': region,
    'AWS::AccountId': account,
    'AWS::Partition': partition,
  };
  return pseudo[id] ?? physicalName(id, context);
}

function attribute([id, name]: readonly unknown[], context: TemplateContext): string | undefined {
  if (typeof id !== 'string' || name !== 'Arn') return undefined;
  if (context.resources[id]?.Type !== 'AWS::CloudWatch::Alarm') return undefined;
  const { region, account, partition } = context;
  const alarm = physicalName(id, context);
  return alarm && `arn:${partition}:cloudwatch:${region}:${account}:alarm:${alarm}`;
}

/** Such as `AlarmName` of an AWS::CloudWatch::Alarm: the result of a Ref, if the resource has a name. */
function physicalName(id: string, context: TemplateContext): string | undefined {
  const resource = context.resources[id];
  const name = resource?.Properties?.[`${resource.Type.split('::').at(-1)}Name`];
  return name === undefined ? undefined : templateValue(name, context);
}
