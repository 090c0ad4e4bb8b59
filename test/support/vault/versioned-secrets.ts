import type { Clock } from '../../../lib/ports/runtime.ts';

export type SecretFields = Readonly<Record<string, unknown>>;

interface Version {
  readonly fields: SecretFields;
  readonly createdTime: string;
  deletionTime: string;
}

/** The secrets of one mount of KV v2, each with all its versions. */
export class VersionedSecrets {
  readonly #clock: Clock;
  readonly #versions = new Map<string, Version[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0 if nothing was ever written; a deleted version counts. */
  currentVersion(path: string): number {
    return this.#versions.get(path)?.length ?? 0;
  }

  /** The fields of the newest version; undefined if there is none, or it is deleted. */
  fields(path: string): SecretFields | undefined {
    const newest = this.#versions.get(path)?.at(-1);
    return newest === undefined || newest.deletionTime !== '' ? undefined : newest.fields;
  }

  write(path: string, fields: SecretFields): void {
    const versions = this.#versions.get(path) ?? [];
    versions.push({ fields, createdTime: this.#now(), deletionTime: '' });
    this.#versions.set(path, versions);
  }

  /** Deletes the newest version like `vault kv delete`: it could be restored. */
  delete(path: string): void {
    const newest = this.#versions.get(path)?.at(-1);
    if (newest !== undefined) newest.deletionTime = this.#now();
  }

  /** The metadata of the newest version, in the format of the API. */
  metadata(path: string): Readonly<Record<string, unknown>> {
    const newest = this.#versions.get(path)?.at(-1);
    return {
      created_time: newest?.createdTime ?? '',
      custom_metadata: null,
      deletion_time: newest?.deletionTime ?? '',
      destroyed: false,
      version: this.currentVersion(path),
    };
  }

  #now(): string {
    // Vault writes nanoseconds.
    return this.#clock.now().toISOString().replace('Z', '000000Z');
  }
}
