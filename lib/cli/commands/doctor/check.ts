import type { Readable } from 'node:stream';
import { type DeploymentName, pipelineStackName } from '../../../common/names.ts';
import type { AwsClients } from '../../aws-clients.ts';
import { findResource, type ResourceName, type StackResource } from '../../deployment.ts';
import type { FixHints } from '../../hints.ts';
import type { RelayTarget } from '../../lookups/relay-target.ts';
import type { Lookups } from './lookups.ts';
import type { SmtpTarget } from './smtp-target.ts';

/** Groups of checks, in the order of the report. */
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
  'relay',
  'secrets',
] as const;

export type CheckGroup = (typeof CHECK_GROUPS)[number];

export type CheckResult =
  | { readonly status: 'ok' | 'skipped'; readonly detail: string }
  /** `fix` is one sentence or command. */
  | { readonly status: 'warn' | 'fail'; readonly detail: string; readonly fix: string };

export type CheckStatus = CheckResult['status'];

/** One check of the deployment. All checks run concurrently. */
export interface Check {
  readonly group: CheckGroup;
  /** Unique within the group. */
  readonly name: string;
  /** An error it throws is reported as a failure of this check only. The signal enforces its timeout. */
  run(context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

export const ok = (detail: string): CheckResult => ({ status: 'ok', detail });

/** The check cannot run; the detail says why. */
export const skipped = (detail: string): CheckResult => ({ status: 'skipped', detail });

/** Mail is sent, but an operator should look at it. */
export const warn = (detail: string, fix: string): CheckResult => ({ status: 'warn', detail, fix });

export const fail = (detail: string, fix: string): CheckResult => ({ status: 'fail', detail, fix });

/** Locations of the copies of the secret. */
interface SecretLocations {
  /** Vault mount. */
  readonly mount: string;
  /** Below the mount. @default the path that `mailctl secrets` writes */
  readonly path?: string | undefined;
  /** A Secret as printed by kubectl; `-` is standard input. */
  readonly kubernetesFile?: string | undefined;
  readonly input: Readable;
}

/** Passed to every check. */
export interface DoctorContext {
  readonly deployment: DeploymentName;
  readonly aws: AwsClients;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Data shared by several checks; each is looked up once. */
  readonly lookups: Lookups;
  /** Builds commands for fixes. */
  readonly commands: FixHints;
  /** Undefined if none was given. */
  readonly smtp: SmtpTarget | undefined;
  /** The relay, if one was named. */
  readonly relay: RelayTarget | undefined;
  readonly secrets: SecretLocations;
  readonly now: Date;
}

export const STACKS_UNKNOWN = 'CloudFormation does not say what is deployed: see stacks';

export interface ResourceCheck {
  readonly group: CheckGroup;
  readonly name: string;
  /** In the pipeline stack. */
  readonly resource: ResourceName;
  /** @param id the resource's name, URL or ARN */
  run(id: string, context: DoctorContext, signal: AbortSignal): Promise<CheckResult>;
}

/** Checks a resource of the pipeline stack. A missing stack is reported once, by the stack's own check. */
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

/** A check that needs the identity stack. A missing stack is reported once, by the stack's own check. */
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
