import { randomUUID } from 'node:crypto';
import { answerKvV1, answerKvV2, isWrite } from './kv-engine.ts';
import { answerWith, deny, refuse, type VaultDoubleAnswer } from './vault-answer.ts';
import { type Capability, isGranted, seesMount, type VaultPolicy } from './vault-policy.ts';
import type { VaultRequest } from './vault-request.ts';
import type { Mount, VaultState } from './vault-state.ts';

const MOUNT_QUESTION = 'sys/internal/ui/mounts/';

/**
 * The response of Vault.
 *
 * @see https://developer.hashicorp.com/vault/api-docs
 */
export function answerRequest(state: VaultState, request: VaultRequest): VaultDoubleAnswer {
  if (request.path === 'sys/health') return answerHealth(state);
  const inactive = answerIfInactive(state, request);
  if (inactive !== undefined) return inactive;
  const policy = state.policyOf(request.token);
  if (policy === undefined) return deny('permission denied', 'invalid token');
  return request.path.startsWith(MOUNT_QUESTION)
    ? answerMountQuestion(state, request, policy)
    : answerEngine(state, request, policy);
}

/** By its own status codes: 429 is a standby, 501 not initialised, 503 sealed. */
function answerHealth({ condition: { kind } }: VaultState): VaultDoubleAnswer {
  const status = { active: 200, standby: 429, sealed: 503, 'not-initialized': 501 }[kind];
  const body = {
    initialized: kind !== 'not-initialized',
    sealed: kind === 'sealed' || kind === 'not-initialized',
    standby: kind !== 'active',
    performance_standby: false,
    replication_performance_mode: 'disabled',
    replication_dr_mode: 'disabled',
    server_time_utc: 0,
    version: '1.20.0',
  };
  return { status, body };
}

function answerIfInactive({ condition }: VaultState, request: VaultRequest): VaultDoubleAnswer | undefined {
  switch (condition.kind) {
    case 'active':
      return undefined;
    case 'sealed':
      return refuse(503, 'Vault is sealed');
    case 'not-initialized':
      return refuse(503, 'Vault is not initialized');
    case 'standby':
      if (condition.activeNode === undefined) {
        return refuse(500, 'local node not active but active cluster node not found');
      }
      return { status: 307, location: `${condition.activeNode}/v1/${request.path}` };
  }
}

function answerMountQuestion(
  state: VaultState,
  request: VaultRequest,
  policy: VaultPolicy | 'root',
): VaultDoubleAnswer {
  const path = request.path.slice(MOUNT_QUESTION.length);
  const found = state.mountOf(path, request.namespace);
  // A missing mount looks like a hidden one, even to a root token.
  if (found === undefined || (policy !== 'root' && !seesMount(policy, found.name))) {
    const why =
      "preflight capability check returned 403, please ensure client's policies grant access to path";
    return refuse(403, `${why} "${path}/"`);
  }
  return answerWith({ ...describeMount(found.mount), path: `${found.name}/`, uuid: randomUUID() });
}

function describeMount({ kind }: Mount): { readonly type: string; readonly options: unknown } {
  if (kind === 'transit') return { type: 'transit', options: null };
  return { type: 'kv', options: { version: kind === 'kv-v2' ? '2' : '1' } };
}

function answerEngine(
  state: VaultState,
  request: VaultRequest,
  policy: VaultPolicy | 'root',
): VaultDoubleAnswer {
  const { path, namespace } = request;
  const found = state.mountOf(path, namespace);
  const capability = capabilityFor(request, found);
  const whole = namespace === '' ? path : `${namespace}/${path}`;
  if (policy !== 'root' && !isGranted(policy, whole, capability)) return deny('permission denied');
  if (found === undefined || found.mount.kind === 'transit') {
    return refuse(404, `no handler for route "${path}". route entry not found.`);
  }
  const { mount, rest } = found;
  return mount.kind === 'kv-v2'
    ? answerKvV2(request, mount.secrets, rest)
    : answerKvV1(request, mount.secrets, rest);
}

/** The first write of a secret needs another capability than later ones. */
function capabilityFor(request: VaultRequest, found: ReturnType<VaultState['mountOf']>): Capability {
  if (!isWrite(request)) return request.method === 'DELETE' ? 'delete' : 'read';
  const isThere =
    found?.mount.kind === 'kv-v2'
      ? found.mount.secrets.currentVersion(found.rest.replace(/^data\//, '')) > 0
      : found?.mount.kind === 'kv-v1' && found.mount.secrets.has(found.rest);
  return isThere ? 'update' : 'create';
}
