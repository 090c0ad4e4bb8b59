import { type Command, Option } from 'commander';
import { LiveDns } from '../../adapters/dns/live-dns.ts';
import type { CommandContext, RunCommand } from '../command-context.ts';
import { describeDeployment, identityStackName, notDeployed } from '../deployment.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { checkDns } from './check-dns.ts';
import type { DnsFinding } from './dns-finding.ts';
import { addDnsServerOptions, type DnsServerOptions } from './dns-server-options.ts';
import { formatBind } from './format-bind.ts';
import { route53ChangeBatch } from './format-route53.ts';
import { formatTerraform } from './format-terraform.ts';
import { type NeededRecord, neededRecords } from './needed-records.ts';
import { showFindings } from './show-findings.ts';
import { showRecords } from './show-records.ts';

interface DnsOptions extends DnsServerOptions {
  readonly check: boolean;
  readonly format: 'table' | 'bind' | 'route53' | 'terraform';
}

export function registerDns(program: Command, run: RunCommand): void {
  const command = program
    .command('dns')
    .description('The DNS records that the deployment needs, and how the live DNS stands.')
    .addOption(
      new Option('--format <format>', 'how to print the records')
        .choices(['table', 'bind', 'route53', 'terraform'])
        .default('table'),
    )
    .addOption(
      new Option('--check', "ask the zone's own servers for each record").default(false).conflicts('format'),
    );
  addDnsServerOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((options: DnsOptions) => run((context) => dns(context, options)));
}

const EXAMPLES = `
Nothing is changed, neither in the DNS nor in AWS. An SPF or DMARC record that is there already is to be merged,
never joined by a second one; --check says how.

Examples:
  $ mailctl dns                                   what to enter where the domain is served
  $ mailctl dns --format bind >> keybuzz.io.zone
  $ mailctl dns --format route53 > batch.json && aws route53 change-resource-record-sets \\
      --hosted-zone-id Z0123456789 --change-batch file://batch.json
  $ mailctl dns --format terraform > mail-dns.tf
  $ mailctl dns --check                           exit code 0, 1 with warnings, 2 where something is amiss
  $ mailctl dns --check --resolver 9.9.9.9:53     where the network's own resolver makes answers up`;

async function dns(context: CommandContext, options: DnsOptions): Promise<ExitCode> {
  const needed = await recordsOfDeployment(context);
  return options.check ? check(context, needed, options) : print(context, needed, options.format);
}

async function recordsOfDeployment({ aws, deployment, signal }: CommandContext): Promise<NeededRecord[]> {
  const cloudFormation = await aws.cloudFormation();
  const { identity } = await describeDeployment(cloudFormation, deployment, signal);
  if (identity !== undefined) return neededRecords(identity);
  throw await notDeployed(cloudFormation, deployment, identityStackName(deployment));
}

function print({ terminal }: CommandContext, needed: readonly NeededRecord[], format: DnsOptions['format']) {
  switch (format) {
    case 'table':
      terminal.result(needed, () => showRecords(terminal, needed));
      break;
    case 'bind':
      terminal.result(needed, () => formatBind(needed));
      break;
    case 'route53': {
      const batch = route53ChangeBatch(needed);
      terminal.result(batch, () => JSON.stringify(batch, null, 2));
      break;
    }
    case 'terraform':
      terminal.result(needed, () => formatTerraform(needed));
  }
  return EXIT.ok;
}

async function check(
  { terminal, signal }: CommandContext,
  needed: readonly NeededRecord[],
  options: DnsOptions,
): Promise<ExitCode> {
  const live = new LiveDns({ resolver: options.resolver, port: options.serverPort, signal });
  terminal.note("Asking the zone's own servers …");
  const findings = await checkDns(needed, live);
  terminal.result({ findings }, () => showFindings(terminal, findings));
  return exitCodeOf(findings);
}

function exitCodeOf(findings: readonly DnsFinding[]): ExitCode {
  if (findings.some(({ level }) => level === 'fail')) return EXIT.failed;
  return findings.some(({ level }) => level === 'warn') ? EXIT.warning : EXIT.ok;
}
