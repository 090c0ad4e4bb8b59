import {
  DEPLOYMENT_DEFAULTS,
  type DeploymentName,
  monitoringStackName,
  pipelineStackName,
} from '../common/names.ts';

/** What `mailctl` and the CDK find by themselves, where these commands are pasted. */
export interface FoundByItself {
  readonly project: string;
  readonly stage: string;
  readonly region: string;
  /** The file that has to be named for it. */
  readonly config?: string | undefined;
}

/** Builds commands to paste: with the stage, the project, the Region and the profile of this run. */
export class FixHints {
  readonly #deployment: DeploymentName;
  readonly #region: string;
  readonly #profile: string | undefined;
  readonly #program: string;
  readonly #found: FoundByItself;

  /**
   * @param profile undefined to use the SDK's default credentials
   * @param options.program how mailctl is started here: {@link invocationOf}
   * @param options.found what cdk.json says; the defaults without one
   */
  constructor(
    deployment: DeploymentName,
    region: string,
    profile?: string,
    {
      program = 'mailctl',
      found = DEPLOYMENT_DEFAULTS,
    }: { readonly program?: string; readonly found?: FoundByItself | undefined } = {},
  ) {
    this.#found = found;
    this.#deployment = deployment;
    this.#region = region;
    this.#profile = profile;
    this.#program = program;
  }

  /** @example mailctl('dlq ls') */
  mailctl(command: string): string {
    const { stage, project } = this.#deployment;
    const { config } = this.#found;
    const flags = [
      ...(stage === this.#found.stage ? [] : [`--stage ${stage}`]),
      ...(project === this.#found.project ? [] : [`--project ${project}`]),
      ...(this.#region === this.#found.region ? [] : [`--region ${this.#region}`]),
      ...(config === undefined ? [] : [`--config ${asWord(config)}`]),
      ...this.#profileFlag,
    ];
    return [this.#program, ...flags, command].join(' ');
  }

  /** @example aws('sesv2 get-account') */
  aws(command: string): string {
    return ['aws', command, `--region ${this.#region}`, ...this.#profileFlag].join(' ');
  }

  get ssoLogin(): string {
    return ['aws sso login', ...this.#profileFlag].join(' ');
  }

  /** Deploys all stacks from the current code. */
  get deploy(): string {
    const { stage, project } = this.#deployment;
    const flags = [
      `-c stage=${stage}`,
      ...(project === this.#found.project ? [] : [`-c project=${project}`]),
      ...(this.#region === this.#found.region ? [] : [`-c region=${this.#region}`]),
      ...this.#profileFlag,
    ];
    return ['npm run deploy --', ...flags].join(' ');
  }

  /** For manual changes: a deployment does not revert drift if the template is unchanged. */
  get driftedStack(): string {
    return this.#detectDrift(pipelineStackName(this.#deployment));
  }

  /** The same for the monitoring stack. */
  get driftedMonitoringStack(): string {
    return this.#detectDrift(monitoringStackName(this.#deployment));
  }

  #detectDrift(stack: string): string {
    return this.aws(`cloudformation detect-stack-drift --stack-name ${stack}`);
  }

  get #profileFlag(): readonly string[] {
    return this.#profile === undefined ? [] : [`--profile ${asWord(this.#profile)}`];
  }
}

/**
 * How this run of mailctl was started: in a clone there is no `mailctl` on the path, and a hint that is pasted must
 * work. npm and npx say so in the environment.
 */
export function invocationOf(env: Readonly<Record<string, string | undefined>>): string {
  switch (env.npm_lifecycle_event) {
    case 'mailctl':
      return 'npm run -s mailctl --';
    case 'npx':
      return 'npx mailctl';
    default:
      return 'mailctl';
  }
}

/** Quotes names with spaces, which a shell would split into several words. */
function asWord(text: string): string {
  return /^[\w.@:/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
