import * as v from 'valibot';
import type { VaultProblem } from './vault-error.ts';
import type { VaultAnswer } from './vault-http.ts';

/** What was asked, for what is said of a refusal. */
export interface Asked {
  readonly mount: string;
  /** Beneath `/v1/`: what a policy names. */
  readonly path: string;
  readonly capabilities: readonly string[];
}

const errorsSchema = v.object({ errors: v.array(v.string()) });

const healthSchema = v.object({ initialized: v.boolean(), sealed: v.boolean(), standby: v.boolean() });

/** Vault's own words in an answer that is an error; a word of warning is none. */
export function errorsOf({ json }: VaultAnswer): readonly string[] {
  const parsed = v.safeParse(errorsSchema, json);
  return parsed.success ? parsed.output.errors : [];
}

/**
 * Why Vault did not do what it was asked.
 *
 * @param health answers for `sys/health`, which tells what an error of the server itself comes from
 * @see https://developer.hashicorp.com/vault/api-docs#http-status-codes
 */
export async function refusalOf(
  answer: VaultAnswer,
  asked: Asked,
  health: () => Promise<VaultAnswer>,
): Promise<VaultProblem> {
  const { status, location } = answer;
  const reason = reasonOf(answer);
  if (status >= 300 && status < 400) return redirection(status, location);
  if (status === 400 && answer.text.includes('HTTP request to an HTTPS server')) {
    return { kind: 'wrong-scheme' };
  }
  if (status === 403) return denial(reason, asked);
  if (status === 404 && reason.includes('no handler for route')) {
    return { kind: 'no-mount', mount: asked.mount };
  }
  if (status === 429) return { kind: 'rate-limited' };
  if (status < 500) return { kind: 'unexpected', status, reason };
  if (/\bvault is sealed\b/i.test(reason)) return { kind: 'sealed' };
  return (await serverProblem(health)) ?? { kind: 'unavailable', status, reason };
}

/** On one line, and no longer than a line. */
function reasonOf(answer: VaultAnswer): string {
  const text = errorsOf(answer).join('; ') || (answer.json === undefined ? 'not an answer of Vault' : '');
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

/** A standby that is not to forward sends its clients to the active node by 307; all else is some proxy's. */
function redirection(status: number, location: string | undefined): VaultProblem {
  const origin = location !== undefined && URL.canParse(location) ? new URL(location).origin : undefined;
  if (status === 307) return { kind: 'standby', activeNode: origin };
  return { kind: 'redirected', location: origin ?? 'nowhere' };
}

function denial(reason: string, { path, capabilities }: Asked): VaultProblem {
  // A token that has ended, or never was; older ones say "bad token".
  return /\b(invalid|bad) token\b/.test(reason)
    ? { kind: 'token-rejected' }
    : { kind: 'denied', path, capabilities };
}

/** What `sys/health` says of the server; undefined where that has no answer either. */
async function serverProblem(health: () => Promise<VaultAnswer>): Promise<VaultProblem | undefined> {
  const parsed = v.safeParse(healthSchema, (await health()).json);
  if (!parsed.success) return undefined;
  if (!parsed.output.initialized) return { kind: 'not-initialized' };
  if (parsed.output.sealed) return { kind: 'sealed' };
  return parsed.output.standby ? { kind: 'standby', activeNode: undefined } : undefined;
}
