import { MAILCTL_VARIABLES } from '../../common/names.ts';
import { OperatorError } from '../errors.ts';
import { smtpHostOf } from './smtp-host.ts';

/** Where a relay listens. */
export interface RelayTarget {
  readonly host: string;
  readonly port: number;
}

/** The port of a relay that no setting changed. */
const DEFAULT_PORT = 2525;

/**
 * Reads `HOST[:PORT]` of a flag, else of MAIL_RELAY; undefined if neither is set.
 *
 * @throws {@link OperatorError} if it is no host, or no port
 */
export function relayTarget(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): RelayTarget | undefined {
  const given = flag ?? env[MAILCTL_VARIABLES.relay];
  if (!given) return undefined;
  const [, host = '', port = String(DEFAULT_PORT)] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(given) ?? [];
  if (host !== '' && Number(port) >= 1 && Number(port) <= 65_535)
    return { host: smtpHostOf(host), port: Number(port) };
  throw new OperatorError(
    'WRONG_SETTING',
    `the relay ${JSON.stringify(given)}: allowed is a host, perhaps with a port, such as smtp-relay:587`,
    `set --relay or ${MAILCTL_VARIABLES.relay} right`,
  );
}
