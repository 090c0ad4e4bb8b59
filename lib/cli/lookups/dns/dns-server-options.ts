import { isIP } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { port } from '../../number-flags.ts';

export interface DnsServerOptions {
  readonly resolver?: string;
  readonly serverPort: number;
}

/** Options for the resolver that finds a zone's name servers, and for their port. */
export function addDnsServerOptions(command: Command): Command {
  return command
    .option('--resolver <host:port>', "resolver for the zone's servers (default: the system's)", resolver)
    .addOption(
      new Option('--server-port <port>', "of the zone's servers").argParser(port).default(53).hideHelp(),
    );
}

/** Only an IP address: a host name would need another resolver. */
function resolver(text: string): string {
  const [, bracketed, bare, portText = '53'] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? bare ?? '';
  const family = isIP(host);
  if (family === 0)
    throw new InvalidArgumentError('It takes an address and a port: 9.9.9.9:53 or [2620:fe::fe]:53.');
  return family === 6 ? `[${host}]:${port(portText)}` : `${host}:${port(portText)}`;
}
