import {
  identityStackName,
  pipelineStackName,
  type ResourceNames,
  resourceNames,
} from '../../../lib/common/names.ts';
import type { SesAccount } from '../../../lib/emulators/ses/account.ts';
import type { Settings } from '../../../lib/infra/settings.ts';
import type { DeployedResources } from './deployed-resources.ts';

/** What is deployed, in the terms of the settings in cdk.json, and onto what. */
export interface DeploymentOptions {
  /** @default dev */
  readonly stage?: 'dev' | 'prod';
  /** @default keybuzz */
  readonly project?: string;
  /** @default keybuzz.io */
  readonly domain?: string;
  /** @default bounce */
  readonly mailFromSubdomain?: string;
  /** @default keybuzz-ses */
  readonly userName?: string;
  /** The setting of this name. @default essential */
  readonly alarms?: Settings['alarms'];
  /** Subscribers of the alarms, who have not followed the link yet. @default none */
  readonly alarmEmail?: readonly string[];
  /** The setting of this name. @default false */
  readonly workerMetrics?: boolean;
  /** The setting of this name. @default empty */
  readonly runbookUrl?: string;
  /** Existing resources, such as the queues of an emulator. @default named as AWS would */
  readonly resources?: Partial<DeployedResources>;
  /** Gets the identity, unverified as after a deployment, and the configuration set. @default not used */
  readonly ses?: SesAccount;
  /** The key of the API's user. @default a made-up one */
  readonly accessKey?: { readonly id: string; readonly secret: string };
  /** @default now */
  readonly at?: Date;
}

/** The options with all defaults. */
export interface Deployment extends Required<Omit<DeploymentOptions, 'ses' | 'resources'>> {
  readonly names: ResourceNames;
  readonly identityStack: string;
  readonly pipelineStack: string;
  readonly resources: Partial<DeployedResources>;
  readonly ses: SesAccount | undefined;
}

export function readDeployment(options: DeploymentOptions): Deployment {
  const { stage = 'dev', project = 'keybuzz', userName = 'keybuzz-ses' } = options;
  return {
    stage,
    project,
    userName,
    domain: options.domain ?? 'keybuzz.io',
    mailFromSubdomain: options.mailFromSubdomain ?? 'bounce',
    resources: options.resources ?? {},
    ses: options.ses,
    accessKey: options.accessKey ?? MADE_UP_KEY,
    at: options.at ?? new Date(),
    alarms: options.alarms ?? 'essential',
    alarmEmail: options.alarmEmail ?? [],
    workerMetrics: options.workerMetrics ?? false,
    runbookUrl: options.runbookUrl ?? '',
    identityStack: identityStackName({ project, stage }),
    pipelineStack: pipelineStackName({ project, stage }),
    names: resourceNames({ project, stage, userName }),
  };
}

/** As long as AWS's own keys, but not a real one. */
const MADE_UP_KEY = { id: 'AKIAMADEUPKEY0000000', secret: 'made/up/secret/key+of+the+account+double' };
