import { setTimeout as delay } from 'node:timers/promises';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { type Command, Option } from 'commander';
import { type ApiKey, ApiKeys } from '../../adapters/iam/api-keys.ts';
import { pipelineStackName } from '../../common/names.ts';
import { MINUTE_MS } from '../../common/time.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { findResource, listStackResources, notDeployed, pipelineOutputs } from '../deployment.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { readStoredFields, type SecretFields } from '../lookups/secrets.ts';
import { duration } from '../number-flags.ts';
import { age, Terminal } from '../terminal.ts';

const NOTES = `
Two keys stand while the new one is handed out, so that no worker is ever without one:
  1. create a second key, and write it to Secrets Manager
  2. hand it out: to Vault if VAULT_ADDR is set; else you do it, with the command that is printed
  3. wait until IAM has seen the new key in use, and the old one unused for a quarter of an hour
  4. delete the old key, after a question
Each step looks first whether it is done: after Ctrl-C, or with exit code 1, run it again. On a new deployment it makes
the first key.

Exit codes: 0 the key in Secrets Manager is new, in use, and the only one; 1 two keys work, and one step is yours; 2 it
failed, and no working key was taken away.

Examples:
  mailctl rotate
  mailctl --stage prod --yes rotate --wait 60
  mailctl rotate --wait 0                       only the steps that need no waiting
  mailctl rotate --path shop/prod/ses           another path in Vault`;

interface RotateFlags {
  readonly mount: string;
  readonly path?: string;
  /** How long to wait until the new key is in use. */
  readonly waitMs: number;
  readonly pollMs: number;
}

/** Writes the secret to Vault; lib/cli/app.ts passes it in, since no command imports another. */
export type HandOut = (
  context: CommandContext,
  flags: { readonly mount: string; readonly path?: string; readonly yes: boolean },
) => Promise<ExitCode>;

/** `mailctl rotate`. */
export function registerRotate(program: Command, run: RunCommand, handOut: HandOut): void {
  program
    .command('rotate')
    .description("replace the API's access key, with no minute without a working one")
    .addOption(
      new Option('--wait <minutes>', 'how long to wait until the new key is in use')
        .argParser(duration({ unitMs: MINUTE_MS, most: 9_999, allowsZero: true }))
        .default(10 * MINUTE_MS, '10'),
    )
    .addOption(
      new Option('--poll <seconds>')
        .argParser(duration({ unitMs: 1000, most: 9_999 }))
        .default(15_000)
        .hideHelp(),
    )
    .option('--mount <path>', 'the KV v2 store of Vault', 'secret')
    .option('--path <path>', 'of the secret beneath the mount (default: "<project>/ses")')
    .addHelpText('after', NOTES)
    .action((_, command: Command) =>
      run((context) => {
        const { wait, poll, ...flags } = command.optsWithGlobals<
          Omit<RotateFlags, 'waitMs' | 'pollMs'> & { wait: number; poll: number; yes: boolean }
        >();
        return runRotateCommand(context, { ...flags, waitMs: wait, pollMs: poll }, handOut);
      }),
    );
}

/** `rotated`: nothing is left to do. `handed-out`: a person has to act, or to wait. `left`: not confirmed. */
interface RotateResult {
  readonly state: 'rotated' | 'first-key' | 'not-handed-out' | 'not-in-use' | 'old-in-use' | 'left';
  /** The last four characters of its id, as logs of AWS show them. */
  readonly key: string;
  readonly oldKey?: string;
  readonly detail: string;
  readonly todo: readonly string[];
}

/** What an old key has to be unused for. A worker asks the queue of the receipts every 20 seconds. */
const UNUSED_MS = 15 * MINUTE_MS;

/** `mailctl rotate`. */
async function runRotateCommand(
  context: CommandContext,
  flags: RotateFlags & { readonly yes: boolean },
  handOut: HandOut,
): Promise<ExitCode> {
  const { terminal } = context;
  const place = await findPlace(context);
  const pair = await ensureNewKey(context, place);
  const result = await finish(context, flags, { ...place, ...pair }, handOut);
  terminal.result(result, () => [result.detail, ...result.todo.map((line) => `  - ${line}`)].join('\n'));
  return result.todo.length === 0 ? EXIT.ok : EXIT.warning;
}

/** The first key of a new deployment, into Secrets Manager. */
export async function runFirstKey(context: CommandContext): Promise<void> {
  await ensureNewKey(context, await findPlace(context));
}

interface Place {
  readonly keys: ApiKeys;
  readonly secretArn: string;
  /** What the secret holds beside the key. */
  readonly settings: SecretFields;
}

async function findPlace({ aws, deployment, signal }: CommandContext): Promise<Place> {
  const cloudFormation = await aws.cloudFormation();
  const outputs = await pipelineOutputs(cloudFormation, deployment, signal);
  const stack = pipelineStackName(deployment);
  const resources = (await listStackResources(cloudFormation, stack, signal)) ?? [];
  const userName = findResource(resources, 'apiUser');
  if (userName === undefined) throw await notDeployed(cloudFormation, deployment, stack);
  return {
    keys: new ApiKeys(await aws.iam(), userName, signal),
    secretArn: outputs.SecretArn,
    settings: {
      AWS_SES_REGION: aws.region,
      FALLBACK_QUEUE_URL: outputs.FallbackQueueUrl,
      FALLBACK_URGENT_QUEUE_URL: outputs.UrgentQueueUrl,
      PAYLOAD_BUCKET: outputs.PayloadBucketName,
      RECEIPTS_QUEUE_URL: outputs.ReceiptsQueueUrl,
      MAIL_DOMAIN: outputs.MailDomain,
    },
  };
}

interface KeyPair {
  /** The key in Secrets Manager. */
  readonly current: ApiKey;
  /** The one that it replaces, if that still exists. */
  readonly old: ApiKey | undefined;
}

/**
 * Creates the new key and writes it to Secrets Manager, unless a rotation before got so far. A key that is younger than
 * the one in the secret was created by a run that broke off before it wrote it: its secret is lost, so it is deleted.
 */
async function ensureNewKey(context: CommandContext, place: Place): Promise<KeyPair> {
  const { terminal } = context;
  const stored = await storedKeyId(context, place);
  const keys = await place.keys.list();
  const current = keys.find(({ id }) => id === stored);
  const others = keys.filter((key) => key !== current);
  if (current?.isActive === true) {
    const [old] = others.filter(({ createdAt }) => createdAt <= current.createdAt);
    if (old !== undefined) return { current, old };
  }
  for (const key of others.filter(
    ({ createdAt }) => current === undefined || createdAt > current.createdAt,
  )) {
    if (current === undefined && others.length < 2) break;
    await refuseUsed(key, context, place);
    terminal.note(`Key …${lastOf(key.id)} was created and never handed out: deleting it.`);
    await place.keys.remove(key.id);
  }
  const created = await place.keys.create();
  terminal.note(`Key …${lastOf(created.id)} created.`);
  await writeSecret(created, context, place);
  terminal.note('Secrets Manager has it.');
  const left = (await place.keys.list()).filter(({ id }) => id !== created.id);
  return {
    current: { id: created.id, isActive: true, createdAt: new Date() },
    old: current ?? left[0],
  };
}

/** Undefined if nothing was ever written, or what is there holds no key. */
async function storedKeyId(
  { aws, signal }: CommandContext,
  { secretArn }: Place,
): Promise<string | undefined> {
  const fields = await readStoredFields(await aws.secretsManager(), secretArn, signal);
  return fields?.AWS_SES_ACCESS_KEY;
}

/** @throws {@link OperatorError} if a key is in use that this command did not create */
async function refuseUsed({ id }: ApiKey, { commands }: CommandContext, { keys }: Place): Promise<void> {
  const usedAt = await keys.lastUsedAt(id);
  if (usedAt === undefined) return;
  throw new OperatorError(
    'UNKNOWN_KEY_IN_USE',
    `key …${lastOf(id)} is not in Secrets Manager, and was used at ${usedAt.toISOString()}`,
    `find out who uses it, then ${commands.aws(`iam delete-access-key --access-key-id ${id} --user-name USER`)}`,
  );
}

async function writeSecret(
  { id, secret }: { readonly id: string; readonly secret: string },
  { aws, signal }: CommandContext,
  { secretArn, settings }: Place,
): Promise<void> {
  const fields = { AWS_SES_ACCESS_KEY: id, AWS_SES_SECRET_KEY: secret, ...settings };
  const command = new PutSecretValueCommand({ SecretId: secretArn, SecretString: JSON.stringify(fields) });
  await (await aws.secretsManager()).send(command, { abortSignal: signal });
}

async function finish(
  context: CommandContext,
  flags: RotateFlags & { readonly yes: boolean },
  { keys, current, old }: Place & KeyPair,
  handOut: HandOut,
): Promise<RotateResult> {
  const { terminal, commands } = context;
  const [key, oldKey] = [lastOf(current.id), old === undefined ? undefined : lastOf(old.id)];
  const result = (state: RotateResult['state'], detail: string, ...todo: string[]): RotateResult => ({
    state,
    key,
    ...(oldKey === undefined ? {} : { oldKey }),
    detail,
    todo,
  });
  const again = commands.mailctl('rotate');
  const byHand = `${commands.mailctl('secrets kubernetes --namespace NAMESPACE')} | kubectl apply -f -, and restart the worker`;
  if (context.env.VAULT_ADDR) {
    const { input, errors } = context.streams;
    const aside = new Terminal({ input, output: errors, errors }, { json: false, yes: flags.yes });
    const code = await handOut({ ...context, terminal: aside }, flags);
    if (code !== EXIT.ok) return result('not-handed-out', `Key …${key} is not in Vault yet.`, again);
  }
  if (old === undefined) {
    const todo = context.env.VAULT_ADDR ? [] : [byHand];
    return result('first-key', `Key …${key} is the only one, and in Secrets Manager.`, ...todo);
  }
  if (old.isActive) {
    const use = await waitForUse(context, flags, keys, current, old);
    if (use !== undefined) return result(use.state, use.detail, byHand, `then ${again}`);
  }
  if (!(await terminal.confirm(`Delete the old key …${oldKey}?`))) {
    return result('left', `Key …${key} is in use; the old key …${oldKey} was left.`, again);
  }
  await keys.remove(old.id);
  return result('rotated', `Key …${key} is in use and the only one; …${oldKey} is deleted.`);
}

type NotYet = Pick<RotateResult, 'detail'> & { readonly state: 'not-in-use' | 'old-in-use' };

/** @returns undefined once the new key is in use and the old one no more */
async function waitForUse(
  { terminal, signal }: CommandContext,
  { waitMs, pollMs }: RotateFlags,
  keys: ApiKeys,
  current: ApiKey,
  old: ApiKey,
): Promise<NotYet | undefined> {
  const deadline = performance.now() + waitMs;
  let said = '';
  for (;;) {
    const notYet = await judgeUse(keys, current, old);
    if (notYet === undefined || performance.now() >= deadline) return notYet;
    if (notYet.detail !== said) terminal.note(`Waiting: ${notYet.detail}`);
    said = notYet.detail;
    await delay(pollMs, undefined, { signal });
  }
}

async function judgeUse(keys: ApiKeys, current: ApiKey, old: ApiKey): Promise<NotYet | undefined> {
  const [currentUsedAt, oldUsedAt] = await Promise.all([
    keys.lastUsedAt(current.id),
    keys.lastUsedAt(old.id),
  ]);
  if (currentUsedAt === undefined) {
    return { state: 'not-in-use', detail: `no worker uses the new key …${lastOf(current.id)} yet.` };
  }
  const now = new Date();
  if (oldUsedAt !== undefined && now.getTime() - oldUsedAt.getTime() < UNUSED_MS) {
    const since = age(oldUsedAt, now);
    return { state: 'old-in-use', detail: `the old key …${lastOf(old.id)} was used ${since} ago.` };
  }
  return undefined;
}

function lastOf(id: string): string {
  return id.slice(-4);
}
