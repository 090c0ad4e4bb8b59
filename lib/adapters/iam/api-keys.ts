import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  type IAMClient,
  paginateListAccessKeys,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';

export interface ApiKey {
  readonly id: string;
  readonly isActive: boolean;
  readonly createdAt: Date;
}

export interface NewApiKey {
  readonly id: string;
  /** IAM returns it only once. */
  readonly secret: string;
}

/**
 * The access keys of the API's user; IAM allows two.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
 */
export class ApiKeys {
  readonly #iam: IAMClient;
  readonly #userName: string;
  readonly #signal: AbortSignal;

  constructor(iam: IAMClient, userName: string, signal: AbortSignal) {
    this.#iam = iam;
    this.#userName = userName;
    this.#signal = signal;
  }

  /** Oldest first. @throws SDK errors */
  async list(): Promise<ApiKey[]> {
    const keys: ApiKey[] = [];
    const pages = paginateListAccessKeys(
      { client: this.#iam },
      { UserName: this.#userName },
      this.#options(),
    );
    for await (const { AccessKeyMetadata = [] } of pages) {
      for (const { AccessKeyId = '', Status, CreateDate = new Date(0) } of AccessKeyMetadata) {
        keys.push({ id: AccessKeyId, isActive: Status === 'Active', createdAt: CreateDate });
      }
    }
    return keys.sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime());
  }

  async create(): Promise<NewApiKey> {
    const command = new CreateAccessKeyCommand({ UserName: this.#userName });
    const { AccessKey } = await this.#iam.send(command, this.#options());
    return { id: AccessKey?.AccessKeyId ?? '', secret: AccessKey?.SecretAccessKey ?? '' };
  }

  /** Undefined if never used. IAM may report a use only after some minutes. */
  async lastUsedAt(id: string): Promise<Date | undefined> {
    const command = new GetAccessKeyLastUsedCommand({ AccessKeyId: id });
    const { AccessKeyLastUsed } = await this.#iam.send(command, this.#options());
    return AccessKeyLastUsed?.LastUsedDate;
  }

  /** Deactivates it first: if the deletion fails, the key no longer works and can still be found. */
  async remove(id: string): Promise<void> {
    const key = { UserName: this.#userName, AccessKeyId: id };
    await this.#iam.send(new UpdateAccessKeyCommand({ ...key, Status: 'Inactive' }), this.#options());
    await this.#iam.send(new DeleteAccessKeyCommand(key), this.#options());
  }

  #options(): { abortSignal: AbortSignal } {
    return { abortSignal: this.#signal };
  }
}
