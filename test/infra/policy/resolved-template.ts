/** The values that a template has once it is deployed, to an account that is made up. */
export const ACCOUNT = '123456789012';
export const REGION = 'eu-west-1';

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export type Resources = Readonly<Record<string, TemplateResource>>;

interface Deployed {
  /** What `Ref` gives. */
  readonly ref: string;
  /** What policies call it. */
  readonly arn?: string;
  /** What `Fn::GetAtt` gives. */
  readonly attributes?: Readonly<Record<string, string>>;
}

const regional = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

const withArn = (ref: string, arn: string): Deployed => ({ ref, arn, attributes: { Arn: arn } });

/** What each type of resource is once it is deployed, by its name and its logical id. */
const DEPLOYED: Readonly<Record<string, (name: string, id: string) => Deployed>> = {
  'AWS::SQS::Queue': (name) =>
    withArn(`https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`, regional('sqs', name)),
  'AWS::S3::Bucket': (name) => withArn(name, `arn:aws:s3:::${name}`),
  'AWS::DynamoDB::Table': (name) => withArn(name, regional('dynamodb', `table/${name}`)),
  'AWS::SNS::Topic': (name) => ({ ref: regional('sns', name), arn: regional('sns', name) }),
  'AWS::KMS::Key': (_, id) => withArn(id, regional('kms', `key/${id}`)),
  'AWS::SES::ConfigurationSet': (name) => ({ ref: name, arn: regional('ses', `configuration-set/${name}`) }),
  // The one ARN that CloudFormation gives with an asterisk at its end, for the streams of the group.
  'AWS::Logs::LogGroup': (name) => ({
    ref: name,
    arn: regional('logs', `log-group:${name}`),
    attributes: { Arn: regional('logs', `log-group:${name}:*`) },
  }),
  'AWS::IAM::Role': (name) => withArn(name, `arn:aws:iam::${ACCOUNT}:role/${name}`),
  'AWS::IAM::User': (name) => withArn(name, `arn:aws:iam::${ACCOUNT}:user/${name}`),
  'AWS::IAM::AccessKey': () => ({ ref: 'AKIAEXAMPLE', attributes: { SecretAccessKey: 'example' } }),
  'AWS::Lambda::Function': (name) => withArn(name, regional('lambda', `function:${name}`)),
  'AWS::SecretsManager::Secret': (name) => ({
    ref: regional('secretsmanager', `secret:${name}`),
    arn: regional('secretsmanager', `secret:${name}`),
  }),
};

/** Which property names a resource; what has none is named by its logical id, in the way of CloudFormation. */
const NAME_PROPERTIES = [
  'QueueName',
  'TableName',
  'TopicName',
  'FunctionName',
  'LogGroupName',
  'UserName',
  'Name',
  'BucketName',
  'RoleName',
];

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
};

/**
 * The value with `Ref`, `Fn::GetAtt`, `Fn::Join` and `Fn::Sub` replaced by what they stand for.
 *
 * @throws where it holds another function, or asks a resource for something that is not known here
 */
export function resolved(value: unknown, resources: Resources): unknown {
  if (Array.isArray(value)) return value.map((item) => resolved(item, resources));
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = [], ...others] = Object.entries(value);
  if (name !== undefined && others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))) {
    return callOf(name, argument, resources);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, resources)]));
}

/** The ARN of a resource of the template, or nothing where policies have no name for it. */
export function arnOf(id: string, resources: Resources): string | undefined {
  return deployed(id, resources)?.arn;
}

function callOf(name: string, argument: unknown, resources: Resources): string {
  if (name === 'Ref') return reference(String(argument), resources);
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) {
    return attribute(String(argument[0]), String(argument[1]), resources);
  }
  if (name === 'Fn::Join' && Array.isArray(argument) && Array.isArray(argument[1])) {
    return argument[1].map((part) => String(resolved(part, resources))).join(String(argument[0]));
  }
  if (name === 'Fn::Sub' && typeof argument === 'string') {
    return argument.replaceAll(/\$\{([^}]+)\}/g, (_, inner: string) => {
      const [id = '', wanted] = inner.split('.');
      return wanted === undefined ? reference(id, resources) : attribute(id, wanted, resources);
    });
  }
  throw new Error(
    `a function of CloudFormation that is not understood here: ${name} ${JSON.stringify(argument)}`,
  );
}

function reference(id: string, resources: Resources): string {
  return PSEUDO_PARAMETERS[id] ?? known(deployed(id, resources)?.ref, `Ref of ${id}`);
}

function attribute(id: string, name: string, resources: Resources): string {
  return known(deployed(id, resources)?.attributes?.[name], `${name} of ${id}`);
}

function known(value: string | undefined, what: string): string {
  if (value === undefined) throw new Error(`not known here: ${what}`);
  return value;
}

function deployed(id: string, resources: Resources): Deployed | undefined {
  const { Type, Properties = {} } = resources[id] ?? {};
  const names = NAME_PROPERTIES.map((property) => Properties[property]);
  const name = names.find((given) => typeof given === 'string') ?? id.toLowerCase();
  return DEPLOYED[Type ?? '']?.(String(name), id);
}
