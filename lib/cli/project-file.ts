import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { contextOverrides, MAIL_CONTEXT } from '../common/mail-context.ts';
import { DEPLOYMENT_DEFAULTS } from '../common/names.ts';
import { OperatorError } from './errors.ts';

/** The settings of cdk.json that `mailctl` needs; what it leaves out is undefined or has its default. */
export type ProjectSettings = v.InferOutput<typeof settingsSchema>;

/** The cdk.json of the deployment. */
export interface ProjectFile {
  /** As a person would write it. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Whether it was named by hand. */
  readonly isNamed: boolean;
  readonly settings: ProjectSettings;
}

/** The file that the CDK reads, in the folder that it runs in. */
export const PROJECT_FILE = 'cdk.json';

/** cdk.json may have texts in place of values, as `-c` gives them. */
const trueOrFalse = v.pipe(
  v.union([v.boolean(), v.string()]),
  v.transform((value) => String(value) === 'true'),
);

const settingsSchema = v.object({
  project: v.optional(v.string()),
  stage: v.optional(v.picklist(['dev', 'prod'])),
  region: v.optional(v.string()),
  domain: v.optional(v.string(), DEPLOYMENT_DEFAULTS.domain),
  existingIdentity: v.optional(trueOrFalse, false),
  userName: v.optional(v.string(), DEPLOYMENT_DEFAULTS.userName),
  hostedZoneId: v.optional(v.string()),
  mailFromSubdomain: v.optional(v.string(), DEPLOYMENT_DEFAULTS.mailFromSubdomain),
  publishDmarc: v.optional(trueOrFalse, true),
});

/** The settings where there is no cdk.json. */
export const DEFAULT_PROJECT: ProjectSettings = v.parse(settingsSchema, {});

const contextSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ context: v.optional(v.record(v.string(), v.unknown()), {}) }),
  v.transform(({ context }) => context),
);

/**
 * Reads the settings of the deployment from the cdk.json in the folder, or from the file that was named.
 *
 * @param named the file given by hand
 * @returns undefined if the folder has none
 * @throws {@link OperatorError} if it cannot be read, or a setting is wrong
 */
export async function readProjectFile(directory: string, named?: string): Promise<ProjectFile | undefined> {
  const name = named ?? PROJECT_FILE;
  const path = resolve(directory, name);
  const text = await readText(path, name, named !== undefined);
  if (text === undefined) return undefined;
  const context = v.safeParse(contextSchema, text);
  if (!context.success) throw wrongFile(name, context.issues[0]);
  const inFile = context.output[MAIL_CONTEXT] ?? {};
  // A cdk.json of something else has none of our settings.
  if (context.output[MAIL_CONTEXT] === undefined && named === undefined) return undefined;
  const settings = v.safeParse(settingsSchema, { ...inFile, ...contextOverrides(context.output) });
  if (!settings.success) throw wrongFile(name, settings.issues[0], `context.${MAIL_CONTEXT}.`);
  return { name, path, isNamed: named !== undefined, settings: settings.output };
}

async function readText(path: string, name: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    if (!isNamed && ['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    const fix = 'name the cdk.json of the pipeline with --config FILE';
    throw new OperatorError('NO_PROJECT_FILE', `${name} cannot be read: ${code}`, fix, { cause });
  }
}

function wrongFile(name: string, issue: v.BaseIssue<unknown>, prefix = ''): OperatorError {
  const path = v.getDotPath(issue);
  return new OperatorError(
    'WRONG_PROJECT_FILE',
    `${name}: ${path === null ? 'the file' : `${prefix}${path}`}: ${issue.message}`,
    'correct it, or run this where the cdk.json of the pipeline is',
  );
}
