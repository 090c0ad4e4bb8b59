import { randomBytes } from 'node:crypto';
import { type Client, type ClientBase, escapeLiteral } from 'pg';
import { deferred, withTimeout } from '../../common/async.ts';

/** PostgreSQL's settings by name. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * Applies settings to a session if no pooler is in between, which replaces the process id that the server
 * tells at the login. Behind a pooler nothing is set: the session may belong to another client next, and
 * PgBouncer does not reset it in transaction pooling.
 *
 * @returns whether they were applied
 */
export async function setIfOwn(client: ClientBase, settings: SessionSettings): Promise<boolean> {
  const own = 'pg_backend_pid() = $1::int';
  const calls = setConfigs(settings, { local: false }).map((call) => `CASE WHEN ${own} THEN ${call} END`);
  const { rows } = await client.query<{ own: boolean | null }>(
    `SELECT ${[`${own} AS own`, ...calls].join(', ')}`,
    [announcedPid(client)],
  );
  return rows[0]?.own === true;
}

function announcedPid(client: ClientBase): number | null {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : null;
}

/** @param local until the end of the transaction, else of the session */
export function setConfigs(
  settings: SessionSettings,
  { local }: { readonly local: boolean },
): readonly string[] {
  return Object.entries(settings).map(
    ([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, ${local})`,
  );
}

/** A notification arrives within milliseconds of its commit. */
const ECHO_TIMEOUT_MS = 3_000;

/**
 * Whether the session stays with its connection: without a pooler, or with session pooling. With transaction
 * pooling LISTEN succeeds as well, so a notification is sent to find out. It goes over another connection,
 * because a transaction pooler may use the same session for the statements of one.
 *
 * @param notify sends an empty notification to a channel over another connection
 */
export async function isOwnSession(
  client: Client,
  notify: (channel: string) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<boolean> {
  if (await setIfOwn(client, {})) return true;
  // Of its own: with transaction pooling, another client's session is left listening to it.
  const channel = `outbound_check_${randomBytes(8).toString('hex')}`;
  const echo = deferred<void>();
  const listener = (notification: { readonly channel: string }) => {
    if (notification.channel === channel) echo.resolve();
  };
  client.on('notification', listener);
  try {
    await client.query(`LISTEN ${channel}`);
    await notify(channel);
    const { kind } = await withTimeout(echo.promise, ECHO_TIMEOUT_MS, signal);
    await client.query(`UNLISTEN ${channel}`);
    return kind === 'done';
  } finally {
    client.off('notification', listener);
  }
}

/** The statement of `notify`, with the channel as its parameter. */
export const NOTIFY = `SELECT pg_notify($1, '')`;
