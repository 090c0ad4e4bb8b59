import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** A request in Vault's terms. */
export interface VaultRequest {
  readonly method: string;
  /** Below `/v1/`, decoded. */
  readonly path: string;
  /** Without slashes at both ends; empty is the root. */
  readonly namespace: string;
  readonly token: string | undefined;
  readonly body: unknown;
}

export async function readVaultRequest(incoming: IncomingMessage): Promise<VaultRequest> {
  const [path = ''] = (incoming.url ?? '').split('?', 1);
  const body = await text(incoming);
  return {
    method: incoming.method ?? '',
    path: decodeURIComponent(path.replace(/^\/v1\//, '')),
    namespace: headerOf(incoming, 'x-vault-namespace')?.replace(/^\/+|\/+$/g, '') ?? '',
    token: headerOf(incoming, 'x-vault-token'),
    body: body === '' ? undefined : JSON.parse(body),
  };
}

function headerOf(incoming: IncomingMessage, name: string): string | undefined {
  const value = incoming.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
