import { type AccessKeyMetadata, type IAMClient, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import * as v from 'valibot';
import type { OldestKey, UserAccessKeys } from '../../ports/account.ts';

/**
 * Reads the access keys of a user; IAM returns everything except the secret. There are at most two, but IAM
 * may still paginate them: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
 */
export class IamAccessKeys implements UserAccessKeys {
  readonly #iam: IAMClient;
  readonly #userName: string;
  readonly #timeoutMs: number;

  /** @param timeoutMs total time for all pages, including SDK retries */
  constructor(iam: IAMClient, userName: string, timeoutMs: number) {
    this.#iam = iam;
    this.#userName = userName;
    this.#timeoutMs = timeoutMs;
  }

  async oldestActive(): Promise<OldestKey> {
    const signal = AbortSignal.timeout(this.#timeoutMs);
    let oldest: OldestKey = { kind: 'none' };
    let Marker: string | undefined;
    do {
      const command = new ListAccessKeysCommand({ UserName: this.#userName, Marker });
      const page = await this.#iam.send(command, { abortSignal: signal });
      oldest = (page.AccessKeyMetadata ?? []).map(keyOf).reduce(older, oldest);
      Marker = page.IsTruncated === true ? page.Marker : undefined;
    } while (Marker !== undefined);
    return oldest;
  }
}

const keySchema = v.variant('Status', [
  v.object({ Status: v.literal('Active'), CreateDate: v.date() }),
  v.object({ Status: v.picklist(['Inactive', 'Expired']) }),
]);

function keyOf(metadata: AccessKeyMetadata): OldestKey {
  const parsed = v.safeParse(keySchema, metadata);
  if (!parsed.success) return { kind: 'unreadable' };
  const key = parsed.output;
  return key.Status === 'Active' ? { kind: 'found', createdAt: key.CreateDate } : { kind: 'none' };
}

function older(one: OldestKey, other: OldestKey): OldestKey {
  if (one.kind === 'unreadable' || other.kind === 'none') return one;
  if (other.kind === 'unreadable' || one.kind === 'none') return other;
  return one.createdAt <= other.createdAt ? one : other;
}
