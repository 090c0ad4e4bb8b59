import type { Command } from 'commander';
import type { CommandContext } from '../../context.ts';
import type { ExitCode } from '../../errors.ts';
import type { Terminal } from '../../terminal.ts';

/** In the order that they are taken. */
export const STEP_NAMES = [
  'bootstrap',
  'deploy',
  'dns',
  'verification',
  'secrets',
  'doctor',
  'first-mail',
  'production-access',
] as const;

export type StepName = (typeof STEP_NAMES)[number];

export interface QuickstartOptions {
  /** What runs the CDK: a program and its first arguments. */
  readonly cdk: string;
  readonly profile?: string;
  /** Every question is answered with yes. */
  readonly yes: boolean;
  readonly skip: readonly StepName[];
  /** How long to wait for SES to find the records. */
  readonly waitMs: number;
  readonly pollMs: number;
  /** Of Vault. */
  readonly mount: string;
  readonly path?: string;
  readonly resolver?: string;
  readonly serverPort: number;
  readonly website?: string;
  readonly contact: readonly string[];
  readonly dailyVolume?: number;
}

/** What quickstart does by other commands of mailctl; lib/cli/app.ts passes them in, since no command imports another. */
export interface OtherCommands {
  /** `mailctl doctor`. */
  readonly doctor: (
    context: CommandContext,
    flags: {
      readonly timeoutMs: number;
      readonly serverPort: number;
      readonly mount: string;
      readonly resolver?: string;
      readonly path?: string;
    },
  ) => Promise<ExitCode>;
  /** `mailctl rotate`, without waiting for its use. */
  readonly makeFirstKey: (context: CommandContext) => Promise<unknown>;
  /** `mailctl secrets vault`. */
  readonly secretsVault: (
    context: CommandContext,
    flags: { readonly mount: string; readonly path?: string; readonly yes: boolean },
  ) => Promise<ExitCode>;
  /** `mailctl send`, its steps as notes. */
  readonly send: (
    context: CommandContext,
    mail: { readonly id: string; readonly by: 'fallback'; readonly to: string; readonly timeoutMs: number },
    aside: Terminal,
  ) => Promise<{ readonly verdict: string; readonly detail: string; readonly fix?: string | undefined }>;
  /** `mailctl production-access request`. */
  readonly requestProductionAccess: (
    context: CommandContext,
    flags: {
      readonly website: string;
      readonly contact: readonly string[];
      readonly language: 'EN';
      readonly dailyVolume?: number;
    },
  ) => Promise<ExitCode>;
  readonly addRequestOptions: (command: Command, rule: { readonly needsWebsite: boolean }) => Command;
}

export interface QuickstartContext extends CommandContext {
  readonly options: QuickstartOptions;
  readonly others: OtherCommands;
  /** As text on standard error: what other commands say on the way is no result of this one. */
  readonly aside: Terminal;
}

/** Where a step stands before anything is done. */
export type StepStanding = { readonly kind: 'done'; readonly detail: string } | OpenStep;

export interface OpenStep {
  readonly kind: 'open';
  readonly detail: string;
  /** What a person would do, a line each. */
  readonly todo: readonly string[];
}

export type StepOutcome =
  | { readonly kind: 'done'; readonly detail: string }
  /** A person must act first. */
  | { readonly kind: 'stopped'; readonly detail: string; readonly todo: readonly string[] };

/** One step on the way to a working pipeline. What is done is seen in the world itself, so nothing is remembered. */
export interface QuickstartStep {
  readonly name: StepName;
  isDone(context: QuickstartContext): Promise<StepStanding>;
  /** What the step is for, in one sentence. */
  explain(context: QuickstartContext): string;
  /** Does what can be done here, after a question. @throws OperatorError, and what the SDK throws */
  run(context: QuickstartContext, open: OpenStep): Promise<StepOutcome>;
}

export const done = (detail: string) => ({ kind: 'done', detail }) as const;

export const open = (detail: string, ...todo: readonly string[]): OpenStep => ({
  kind: 'open',
  detail,
  todo,
});

export const stopped = ({ detail, todo }: Omit<OpenStep, 'kind'>): StepOutcome => ({
  kind: 'stopped',
  detail,
  todo,
});
