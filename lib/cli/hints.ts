import { type DeploymentName, monitoringStackName, pipelineStackName } from '../common/names.ts';

/** Writes commands so that they can be pasted: with the stage, the project, the Region and the profile of this run. */
export class FixHints {
  readonly #deployment: DeploymentName;
  readonly #region: string;
  readonly #profile: string | undefined;

  /** @param profile undefined where the SDK finds credentials by itself */
  constructor(deployment: DeploymentName, region: string, profile?: string) {
    this.#deployment = deployment;
    this.#region = region;
    this.#profile = profile;
  }

  /** @example mailctl('dlq ls') */
  mailctl(command: string): string {
    const { stage, project } = this.#deployment;
    const flags = [
      ...(stage === 'dev' ? [] : [`--stage ${stage}`]),
      ...(project === 'keybuzz' ? [] : [`--project ${project}`]),
      ...(this.#region === 'eu-west-1' ? [] : [`--region ${this.#region}`]),
      ...this.#profileFlag,
    ];
    return ['mailctl', ...flags, command].join(' ');
  }

  /** @example aws('sesv2 get-account') */
  aws(command: string): string {
    return ['aws', command, `--region ${this.#region}`, ...this.#profileFlag].join(' ');
  }

  get ssoLogin(): string {
    return ['aws sso login', ...this.#profileFlag].join(' ');
  }

  /** Brings all stacks up to what the code says. */
  get deploy(): string {
    const { stage, project } = this.#deployment;
    const flags = [
      `-c stage=${stage}`,
      ...(project === 'keybuzz' ? [] : [`-c project=${project}`]),
      ...(this.#region === 'eu-west-1' ? [] : [`-c region=${this.#region}`]),
      ...this.#profileFlag,
    ];
    return ['npm run deploy --', ...flags].join(' ');
  }

  /** For what was changed by hand: CloudFormation sees no change where its template has none. */
  get driftedStack(): string {
    return this.#detectDrift(pipelineStackName(this.#deployment));
  }

  /** The same, of the stack with the alarms. */
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

/** Names of profiles may have spaces; a shell would make several words of them. */
function asWord(text: string): string {
  return /^[\w.@:/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
