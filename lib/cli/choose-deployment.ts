import { DEPLOYMENT_DEFAULTS, type DeploymentName, MAILCTL_VARIABLES } from '../common/names.ts';
import { OperatorError } from './errors.ts';
import type { ProjectFile } from './project-file.ts';

/** What was given on the command line or, by commander, in the environment. */
export interface DeploymentFlags {
  readonly project?: string;
  readonly stage?: DeploymentName['stage'];
  readonly region?: string;
}

/** A value, and where it is from. */
interface Chosen<Value extends string = string> {
  readonly value: Value;
  /** As a person reads it: `cdk.json`, `--region`, `AWS_REGION`. */
  readonly from: string;
  /** Whether the CDK would not find it by itself: it is neither in its file nor a default. */
  readonly isByHand: boolean;
}

/** Which deployment a command works on. */
export interface ChosenDeployment {
  readonly project: Chosen;
  readonly stage: Chosen<DeploymentName['stage']>;
  readonly region: Chosen;
}

export interface DeploymentSources {
  readonly flags: DeploymentFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ProjectFile | undefined;
  /** The Region that the AWS configuration files name. */
  readonly profileRegion: () => Promise<string | undefined>;
}

/**
 * Project and Region are those of cdk.json: the CDK deploys there. Without it, or without the setting in it, the
 * environment and the profile say. The stage is chosen for each run, as with `-c stage=prod`.
 *
 * @throws {@link OperatorError} if a flag says otherwise than the file
 */
export async function chooseDeployment(sources: DeploymentSources): Promise<ChosenDeployment> {
  const { flags, env, file } = sources;
  refuseConflict('project', flags.project, file);
  refuseConflict('region', flags.region, file);
  const fromFile = <Value extends string>(value: Value | undefined): Chosen<Value> | undefined =>
    value === undefined ? undefined : { value, from: file?.name ?? '', isByHand: false };
  const { project, stage, region } = DEPLOYMENT_DEFAULTS;
  return {
    project:
      given(flags.project, '--project') ??
      fromFile(file?.settings.project) ??
      given(env[MAILCTL_VARIABLES.project], MAILCTL_VARIABLES.project) ??
      byDefault(project),
    stage:
      given(flags.stage, '--stage') ??
      given(stageIn(env), MAILCTL_VARIABLES.stage) ??
      fromFile(file?.settings.stage) ??
      byDefault(stage),
    region:
      given(flags.region, '--region') ??
      fromFile(file?.settings.region) ??
      given(env.AWS_REGION, 'AWS_REGION') ??
      given(env.AWS_DEFAULT_REGION, 'AWS_DEFAULT_REGION') ??
      given(await sources.profileRegion(), 'the AWS profile') ??
      byDefault(region),
  };
}

/** One line that says what is used, and from where. */
export function describeChoice({ project, stage, region }: ChosenDeployment): string {
  const shown = (what: string, { value, from }: Chosen) => `${what} ${value} (${from})`;
  return `using ${shown('project', project)}, ${shown('stage', stage)}, ${shown('Region', region)}`;
}

function given<Value extends string>(value: Value | undefined, from: string): Chosen<Value> | undefined {
  return value ? { value, from, isByHand: true } : undefined;
}

function byDefault<Value extends string>(value: Value): Chosen<Value> {
  return { value, from: 'default', isByHand: false };
}

function stageIn(env: DeploymentSources['env']): DeploymentName['stage'] | undefined {
  const stage = env[MAILCTL_VARIABLES.stage];
  if (!stage) return undefined;
  if (stage === 'dev' || stage === 'prod') return stage;
  throw new OperatorError(
    'WRONG_SETTING',
    `${MAILCTL_VARIABLES.stage} = ${JSON.stringify(stage)}: allowed is dev or prod`,
    'set it right, or unset it and use --stage',
  );
}

/** Which of the two was meant is not known, and the wrong one leaves resources in the wrong place. */
function refuseConflict(
  name: 'project' | 'region',
  flag: string | undefined,
  file: ProjectFile | undefined,
): void {
  const inFile = file?.settings[name];
  if (file === undefined || flag === undefined || inFile === undefined || flag === inFile) return;
  throw new OperatorError(
    'PROJECT_CONFLICT',
    `--${name} ${flag}, but ${file.name} has ${inFile}`,
    `leave --${name} out, or name the cdk.json of that deployment with --config FILE, or --no-config for none`,
  );
}
