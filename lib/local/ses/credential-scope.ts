import type { Refusal } from './refusal.ts';

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=[^/,\s]+\/\d{8}\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]{64}$/;

/**
 * Checks that a request carries a SigV4 authorization for SES in this region. The signature itself is not
 * verified: the double knows no secrets.
 */
export function checkCredentialScope(authorization: string | undefined, region: string): Refusal | undefined {
  const scope = AUTHORIZATION.exec(authorization ?? '');
  if (scope === null) {
    return { reason: 'unauthenticated', message: 'Request is missing Authentication Token' };
  }
  const [, scopeRegion, service] = scope;
  if (scopeRegion !== region) {
    return wrongScope(`Credential should be scoped to a valid region, not '${scopeRegion}'.`);
  }
  return service === 'ses' ? undefined : wrongScope("Credential should be scoped to correct service: 'ses'.");
}

function wrongScope(message: string): Refusal {
  return { reason: 'wrong-credential-scope', message };
}
