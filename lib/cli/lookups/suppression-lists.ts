import { type Command, Option } from 'commander';
import {
  DynamoSuppressionEntries,
  DynamoSuppressionList,
} from '../../adapters/dynamodb/dynamo-suppression.ts';
import {
  type AccountSuppression,
  SesAccountSuppressions,
} from '../../adapters/ses/ses-account-suppressions.ts';
import { addressKey } from '../../domain/address.ts';
import { MAX_SOFT_BOUNCES } from '../../domain/limits.ts';
import type { SoftBouncePolicy, Suppression } from '../../domain/suppression.ts';
import type { SuppressionEntries, SuppressionList } from '../../ports/ledger.ts';
import type { AwsClients } from '../aws-clients.ts';
import type { PipelineOutputs } from '../deployment.ts';
import { type DescribedFailure, describeFailure } from '../describe-failure.ts';
import { wholeNumber } from '../number-flags.ts';

/** The two suppression lists: the pipeline's own, and SES's account-level list. */
export interface SuppressionLists {
  readonly pipeline: SuppressionList;
  readonly entries: SuppressionEntries;
  readonly account: SesAccountSuppressions;
}

/** The entries of an address in both lists. */
export interface ListedAddress {
  /** By `addressKey`. */
  readonly address: string;
  readonly pipeline?: Suppression | undefined;
  readonly ses?: AccountSuppression | undefined;
}

export interface Listing {
  readonly addresses: readonly ListedAddress[];
  /** The lists that could not be queried, and why. */
  readonly unavailable: readonly UnavailableList[];
}

export interface UnavailableList {
  readonly list: 'pipeline' | 'ses';
  readonly failure: DescribedFailure;
}

/** All addresses suppressed in either list, newest first. If one list fails, the other is still returned. */
export async function allListed(lists: SuppressionLists, now: Date, signal: AbortSignal): Promise<Listing> {
  const [pipeline, ses] = await Promise.allSettled([
    entriesOf(lists.entries, now, signal),
    accountEntriesOf(lists.account, signal),
  ]);
  signal.throwIfAborted();
  const keys = new Set([...keysIn(pipeline), ...keysIn(ses)]);
  const listing = joined([...keys], pipeline, ses);
  return { ...listing, addresses: listing.addresses.toSorted((one, other) => since(other) - since(one)) };
}

/** The same for the given addresses only, in their order, including those that are in neither list. */
export async function lookUp(
  lists: SuppressionLists,
  addresses: readonly string[],
  now: Date,
  signal: AbortSignal,
): Promise<Listing> {
  const keys = [...new Set(addresses.map(addressKey))];
  const [pipeline, ses] = await Promise.allSettled([
    lists.pipeline.find(keys, now),
    accountEntriesFor(lists.account, keys, signal),
  ]);
  signal.throwIfAborted();
  return joined(keys, pipeline, ses);
}

async function entriesOf(
  entries: SuppressionEntries,
  now: Date,
  signal: AbortSignal,
): Promise<Map<string, Suppression>> {
  const found = new Map<string, Suppression>();
  for await (const { address, suppression } of entries.list(now)) {
    signal.throwIfAborted();
    found.set(address, suppression);
  }
  return found;
}

async function accountEntriesOf(
  account: SesAccountSuppressions,
  signal: AbortSignal,
): Promise<Map<string, AccountSuppression>> {
  const found = new Map<string, AccountSuppression>();
  for await (const entry of account.list(signal)) found.set(entry.address, entry);
  return found;
}

/** One after another: SES allows only a few such calls per second. */
async function accountEntriesFor(
  account: SesAccountSuppressions,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, AccountSuppression>> {
  const found = new Map<string, AccountSuppression>();
  for (const key of keys) {
    const entry = await account.find(key, signal);
    if (entry !== undefined) found.set(key, entry);
  }
  return found;
}

type Settled<Entry> = PromiseSettledResult<ReadonlyMap<string, Entry>>;

function joined(
  keys: readonly string[],
  pipeline: Settled<Suppression>,
  ses: Settled<AccountSuppression>,
): Listing {
  return {
    addresses: keys.map((address) => ({
      address,
      pipeline: pipeline.status === 'fulfilled' ? pipeline.value.get(address) : undefined,
      ses: ses.status === 'fulfilled' ? ses.value.get(address) : undefined,
    })),
    unavailable: [...unavailable('pipeline', pipeline), ...unavailable('ses', ses)],
  };
}

function unavailable(list: UnavailableList['list'], result: Settled<unknown>): UnavailableList[] {
  return result.status === 'fulfilled' ? [] : [{ list, failure: describeFailure(result.reason) }];
}

function keysIn(result: Settled<unknown>): string[] {
  return result.status === 'fulfilled' ? [...result.value.keys()] : [];
}

function since({ pipeline, ses }: ListedAddress): number {
  return Math.max(Number(pipeline?.since ?? 0), Number(ses?.since ?? 0));
}

/** Per DynamoDB call, including SDK retries. */
const CALL_TIMEOUT_MS = 20_000;

/** The lists of a deployment. */
export async function openSuppressionLists(
  aws: AwsClients,
  { SuppressionTableName: tableName }: Pick<PipelineOutputs, 'SuppressionTableName'>,
  policy: SoftBouncePolicy,
): Promise<SuppressionLists> {
  const dynamoDb = await aws.dynamoDb();
  const options = { tableName, timeoutMs: CALL_TIMEOUT_MS, policy };
  return {
    pipeline: new DynamoSuppressionList(dynamoDb, options),
    entries: new DynamoSuppressionEntries(dynamoDb, options),
    account: new SesAccountSuppressions(await aws.ses()),
  };
}

/** The stack's default unless cdk.json overrides it. */
export const DEFAULT_SOFT_BOUNCES: SoftBouncePolicy = { softBounces: 3, windowDays: 7 };

const MAX_WINDOW_DAYS = 90;

export interface SoftBounceOptions {
  readonly softBounceLimit: number;
  readonly softBounceWindowDays: number;
}

/** The policy is a stack setting without an output: if changed in cdk.json, it must be repeated here. */
export function addSoftBounceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--soft-bounce-limit <n>', 'softBounceLimit of cdk.json')
        .argParser(wholeNumber(MAX_SOFT_BOUNCES))
        .default(DEFAULT_SOFT_BOUNCES.softBounces),
    )
    .addOption(
      new Option('--soft-bounce-window-days <n>', 'softBounceWindowDays of cdk.json')
        .argParser(wholeNumber(MAX_WINDOW_DAYS))
        .default(DEFAULT_SOFT_BOUNCES.windowDays),
    );
}

export function softBouncePolicyOf(options: SoftBounceOptions): SoftBouncePolicy {
  return { softBounces: options.softBounceLimit, windowDays: options.softBounceWindowDays };
}
