import type { Readable } from 'node:stream';
import { type DeploymentName, pipelineStackName } from '../../../common/names.ts';
import type { AwsClients } from '../../aws-clients.ts';
import { findResource, type ResourceName, type StackResource } from '../../deployment.ts';
import type { FixHints } from '../../hints.ts';
import type { Lookups } from './lookups.ts';
import type { SmtpTarget } from './smtp-target.ts';

/** What belongs together, in the order of the report. */
export const CHECK_GROUPS = [
  'account',
  'stacks',
  'identity',
  'dns',
  'sending',
  'queues',
  'functions',
  'alarms',
  'fallback',
  'key',
  'smtp',
  'secrets',
] as const;

export type CheckGroup = (typeof CHECK_GROUPS)[number];

export type CheckResult =
  | { readonly status: 'ok' | 'skipped'; readonly detail: string }
  /** The fix is one sentence or command. */
  | { readonly status: 'warn' | 'fail'; readonly detail: string; readonly fix: string };

export type CheckStatus = CheckResult['status'];

/** One question about the deployment, which is asked beside all others. */
export interface Check {
  readonly group: CheckGroup;
  /** One of its kind within the group. */
  readonly name: string;
  /** What it throws is told as a failure of this check alone. The signal ends its time. */
  run(context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

export const ok = (detail: string): CheckResult => ({ status: 'ok', detail });

/** It cannot be asked here and now; the detail says why. */
export const skipped = (detail: string): CheckResult => ({ status: 'skipped', detail });

/** Mail goes out; somebody has to look at it all the same. */
export const warn = (detail: string, fix: string): CheckResult => ({ status: 'warn', detail, fix });

export const fail = (detail: string, fix: string): CheckResult => ({ status: 'fail', detail, fix });

/** Where the copies of the secret are. */
interface SecretPlaces {
  /** Of Vault. */
  readonly mount: string;
  /** Beneath the mount. @default as `mailctl secrets` writes it */
  readonly path?: string | undefined;
  /** A Secret as kubectl prints it; `-` is standard input. */
  readonly kubernetesFile?: string | undefined;
  readonly input: Readable;
}

/** What every check is given. */
export interface DoctorContext {
  readonly deployment: DeploymentName;
  readonly aws: AwsClients;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What several checks want to know; each is looked up once. */
  readonly lookups: Lookups;
  /** How commands are written that fix something. */
  readonly commands: FixHints;
  /** Undefined where none was named. */
  readonly smtp: SmtpTarget | undefined;
  readonly secrets: SecretPlaces;
  readonly now: Date;
}

export const STACKS_UNKNOWN = 'CloudFormation does not say what is deployed: see stacks';

export interface ResourceCheck {
  readonly group: CheckGroup;
  readonly name: string;
  /** Of the pipeline's stack. */
  readonly resource: ResourceName;
  /** @param id the resource's name, URL or ARN */
  run(id: string, context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

/** A check of something that the pipeline's stack made. Where there is no stack, that is told once, by its own check. */
export function resourceCheck({ group, name, resource, run }: ResourceCheck): Check {
  return {
    group,
    name,
    run: async (context, signal) => {
      const { lookups, deployment, commands } = context;
      let resources: readonly StackResource[] | undefined;
      try {
        resources = await lookups.resources();
      } catch {
        return skipped(STACKS_UNKNOWN);
      }
      const stack = pipelineStackName(deployment);
      if (resources === undefined) return skipped(`the stack ${stack} is not deployed`);
      const id = findResource(resources, resource);
      if (id === undefined) return fail(`the stack ${stack} has no ${resource}`, commands.deploy);
      return run(id, context, signal);
    },
  };
}

export interface IdentityStackCheck {
  readonly group: CheckGroup;
  readonly name: string;
  run(context: DoctorContext): Promise<CheckResult>;
}

/** A check of what the identity's stack asks for. Where there is no stack, that is told once, by its own check. */
export function identityStackCheck({ group, name, run }: IdentityStackCheck): Check {
  return {
    group,
    name,
    run: async (context) => {
      try {
        const { identity } = await context.lookups.stacks();
        if (identity === undefined) return skipped('the stack of the identity is not deployed');
      } catch {
        return skipped(STACKS_UNKNOWN);
      }
      return run(context);
    },
  };
}
