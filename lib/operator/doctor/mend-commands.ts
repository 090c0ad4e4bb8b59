import { type DeploymentName, pipelineStackName } from '../deployment.ts';

/** Writes commands so that they can be pasted: with the stage, the project and the Region of this run. */
export class MendCommands {
  readonly #deployment: DeploymentName;
  readonly #region: string;

  constructor(deployment: DeploymentName, region: string) {
    this.#deployment = deployment;
    this.#region = region;
  }

  /** @example mailctl('dlq ls') */
  mailctl(command: string): string {
    const { stage, project } = this.#deployment;
    const flags = [
      ...(stage === 'dev' ? [] : [`--stage ${stage}`]),
      ...(project === 'keybuzz' ? [] : [`--project ${project}`]),
      ...(this.#region === 'eu-west-1' ? [] : [`--region ${this.#region}`]),
    ];
    return ['mailctl', ...flags, command].join(' ');
  }

  /** @example aws('sesv2 get-account') */
  aws(command: string): string {
    return `aws ${command} --region ${this.#region}`;
  }

  /** Brings all stacks up to what the code says. */
  get deploy(): string {
    return `npm run deploy -- -c stage=${this.#deployment.stage}`;
  }

  /** For what was changed by hand: CloudFormation sees no change where its template has none. */
  get driftedStack(): string {
    return this.aws(`cloudformation detect-stack-drift --stack-name ${pipelineStackName(this.#deployment)}`);
  }
}
