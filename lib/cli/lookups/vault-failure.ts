import { VaultError, type VaultProblem } from '../../adapters/vault/vault-error.ts';
import { OperatorError } from '../errors.ts';

interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** Awaits a Vault call, and turns a {@link VaultError} into an {@link OperatorError} with a fix. */
export async function explainVaultFailure<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    if (!(cause instanceof VaultError)) throw cause;
    const { code, message, fix } = explain(cause.problem, cause.address ?? 'Vault');
    throw new OperatorError(code, message, fix, { cause });
  }
}

function explain(problem: VaultProblem, address: string): Explanation {
  return (
    explainConnection(problem, address) ?? explainState(problem, address) ?? explainResponse(problem, address)
  );
}

/** Vault was not reached. */
function explainConnection(problem: VaultProblem, address: string): Explanation | undefined {
  switch (problem.kind) {
    case 'settings':
      return {
        code: 'VAULT_SETTINGS',
        message: problem.reason,
        fix: 'set that variable right, or unset it',
      };
    case 'refused':
      return {
        code: 'VAULT_REFUSED',
        message: `${address} refuses connections: no Vault listens there`,
        fix: 'set VAULT_ADDR to where Vault is, start it, or open the tunnel to it (kubectl port-forward)',
      };
    case 'unknown-host':
      return {
        code: 'VAULT_UNKNOWN_HOST',
        message: `the host of ${address} has no address`,
        fix: 'check VAULT_ADDR, and the VPN where the name is an internal one',
      };
    case 'timeout':
      return {
        code: 'VAULT_TIMEOUT',
        message: `${address} did not answer within ${problem.timeoutMs / 1000} s`,
        fix: 'check the network and "vault status"; then run it again: it never writes over what it has not read',
      };
    case 'broken':
      return {
        code: 'VAULT_CONNECTION_LOST',
        message: `the connection to ${address} broke (${problem.reason})`,
        fix: 'run it again: it never writes over what it has not read',
      };
    case 'untrusted':
      return {
        code: 'VAULT_UNTRUSTED',
        message: `the certificate of ${address} is not trusted: ${problem.reason}`,
        fix: "set VAULT_CACERT to the PEM file of the certificate's authority; VAULT_SKIP_VERIFY=true trusts anybody",
      };
    case 'wrong-scheme':
      return {
        code: 'VAULT_WRONG_SCHEME',
        message: `${address} does not speak ${address.startsWith('https:') ? 'TLS' : 'HTTP without TLS'}`,
        fix: `set VAULT_ADDR to ${otherScheme(address)}`,
      };
    default:
      return undefined;
  }
}

/** Vault is not ready for any client. */
function explainState(problem: VaultProblem, address: string): Explanation | undefined {
  switch (problem.kind) {
    case 'sealed':
      return {
        code: 'VAULT_SEALED',
        message: `Vault at ${address} is sealed: it can read nothing that it keeps`,
        fix: 'those who hold its key shares unseal it: vault operator unseal, until "vault status" says Sealed false',
      };
    case 'not-initialized':
      return {
        code: 'VAULT_NOT_INITIALIZED',
        message: `Vault at ${address} has never been initialised`,
        fix: 'vault operator init, keep the key shares safe, then vault operator unseal',
      };
    case 'standby':
      return problem.activeNode === undefined
        ? {
            code: 'VAULT_STANDBY',
            message: `Vault at ${address} is a standby node, and knows no active one`,
            fix: 'look for the node that is sealed or down: vault operator raft list-peers, vault status on each',
          }
        : {
            code: 'VAULT_STANDBY',
            message: `Vault at ${address} is a standby node that does not forward`,
            fix: `set VAULT_ADDR=${problem.activeNode}, the active node`,
          };
    case 'rate-limited':
      return {
        code: 'VAULT_RATE_LIMITED',
        message: `Vault at ${address} takes no more calls for now: a quota is used up`,
        fix: 'wait a moment and try again; vault read sys/quotas/rate-limit names the quotas',
      };
    case 'unavailable':
      return {
        code: 'VAULT_UNAVAILABLE',
        message: `Vault at ${address} failed with ${problem.status}: ${problem.reason}`,
        fix: "look at vault status and at Vault's own log",
      };
    default:
      return undefined;
  }
}

/** Vault rejected this call. */
function explainResponse(problem: VaultProblem, address: string): Explanation {
  switch (problem.kind) {
    case 'no-token':
      return {
        code: 'VAULT_NO_TOKEN',
        message: 'there is no token for Vault: VAULT_TOKEN is not set, and ~/.vault-token is not there',
        fix: 'vault login, or set VAULT_TOKEN',
      };
    case 'token-rejected':
      return {
        code: 'VAULT_TOKEN_REJECTED',
        message: `Vault at ${address} does not know the token: it has expired, was revoked, or is of another namespace`,
        fix: 'vault login; check VAULT_TOKEN, which goes before ~/.vault-token, and VAULT_NAMESPACE',
      };
    case 'denied':
      return {
        code: 'VAULT_DENIED',
        message: `Vault at ${address} denies ${problem.capabilities.join(' and ')} on ${problem.path}`,
        fix: `give the token a policy with: ${policyFor(problem.path)}`,
      };
    case 'no-mount':
      return {
        code: 'VAULT_NO_MOUNT',
        message: `Vault at ${address} has nothing mounted at ${problem.mount}/`,
        fix: `vault secrets enable -path=${problem.mount} -version=2 kv, or name the right --mount or VAULT_NAMESPACE`,
      };
    case 'hidden-mount':
      return {
        code: 'VAULT_MOUNT_HIDDEN',
        message: `Vault at ${address} does not say whether ${problem.mount}/ is a KV v2 store`,
        fix: `give the token a policy with: path "sys/internal/ui/mounts/${problem.path}" { capabilities = ["read"] }, or fix --mount`,
      };
    case 'not-kv-v2':
      return {
        code: 'VAULT_NOT_KV_V2',
        message: `${problem.mount}/ of Vault at ${address} is ${problem.found}; needed is KV v2, which has check-and-set`,
        fix: `vault kv enable-versioning ${problem.mount} (it cannot be undone), or name another --mount`,
      };
    case 'redirected':
      return {
        code: 'VAULT_REDIRECTED',
        message: `${address} is not Vault itself: it sends its clients to ${problem.location}`,
        fix: 'set VAULT_ADDR to the address of Vault; a token is sent to the address that was named, and nowhere else',
      };
    default:
      return {
        code: 'VAULT_UNEXPECTED',
        message: `${address} answered what Vault does not${problem.kind === 'unexpected' ? ` (${problem.status}: ${problem.reason})` : ''}`,
        fix: 'check that VAULT_ADDR is Vault, and look at "vault status"',
      };
  }
}

/** All capabilities that a run needs on one secret, so that the next run is not denied at the next step. */
const policyFor = (path: string) => `path "${path}" { capabilities = ["create", "read", "update"] }`;

const otherScheme = (address: string) =>
  address.startsWith('https:') ? address.replace('https:', 'http:') : address.replace('http:', 'https:');
