import * as v from 'valibot';
import { answerWith, refuse, type VaultDoubleAnswer } from './vault-answer.ts';
import type { VaultRequest } from './vault-request.ts';
import type { SecretFields, VersionedSecrets } from './versioned-secrets.ts';

const fields = v.record(v.string(), v.unknown());

const writeSchema = v.object({
  data: fields,
  options: v.optional(v.object({ cas: v.optional(v.pipe(v.number(), v.integer())) })),
});

/** The versioned store: the part of its API that reads and writes secrets. */
export function answerKvV2(
  request: VaultRequest,
  secrets: VersionedSecrets,
  rest: string,
): VaultDoubleAnswer {
  if (!rest.startsWith('data/')) return refuse(404);
  const path = rest.slice('data/'.length);
  if (request.method === 'GET') return readSecret(secrets, path);
  if (isWrite(request)) return writeSecret(request, secrets, path);
  return refuse(405, 'unsupported operation');
}

/** The unversioned store, which accepts every path and every body unchanged. */
export function answerKvV1(
  request: VaultRequest,
  secrets: Map<string, SecretFields>,
  rest: string,
): VaultDoubleAnswer {
  if (request.method === 'GET') {
    const found = secrets.get(rest);
    return found === undefined ? refuse(404) : answerWith(found);
  }
  if (!isWrite(request)) return refuse(405, 'unsupported operation');
  const parsed = v.safeParse(fields, request.body);
  if (!parsed.success) return refuse(400, 'missing data fields');
  secrets.set(rest, parsed.output);
  return { status: 204 };
}

export function isWrite({ method }: VaultRequest): boolean {
  return method === 'POST' || method === 'PUT';
}

function readSecret(secrets: VersionedSecrets, path: string): VaultDoubleAnswer {
  if (secrets.currentVersion(path) === 0) return refuse(404);
  const found = secrets.fields(path);
  const answer = { data: found ?? null, metadata: secrets.metadata(path) };
  return answerWith(answer, found === undefined ? 404 : 200);
}

function writeSecret(request: VaultRequest, secrets: VersionedSecrets, path: string): VaultDoubleAnswer {
  const parsed = v.safeParse(writeSchema, request.body);
  if (!parsed.success) return refuse(400, 'no data provided');
  const cas = parsed.output.options?.cas;
  if (cas !== undefined && cas !== secrets.currentVersion(path)) {
    return refuse(400, 'check-and-set parameter did not match the current version');
  }
  secrets.write(path, parsed.output.data);
  return answerWith(secrets.metadata(path));
}
