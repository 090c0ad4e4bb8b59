import { type Command, Option } from 'commander';
import { LiveDns } from '../../adapters/dns/live-dns.ts';
import { identityStackName } from '../../common/names.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { describeDeployment, notDeployed } from '../deployment.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { checkDns } from '../lookups/dns/check-dns.ts';
import { addDnsServerOptions, type DnsServerOptions } from '../lookups/dns/dns-server-options.ts';
import type { Alignment, DnsFinding, FindingLevel } from '../lookups/dns/findings.ts';
import {
  type NeededRecord,
  neededRecords,
  quoteTxt,
  RECORD_TTL_SECONDS,
  type RecordPurpose,
  txtStrings,
} from '../lookups/dns/needed-records.ts';
import type { Style, Terminal } from '../terminal.ts';

interface DnsOptions extends DnsServerOptions {
  readonly check: boolean;
  readonly format: 'table' | 'bind' | 'route53' | 'terraform';
}

export function registerDns(program: Command, run: RunCommand): void {
  const command = program
    .command('dns')
    .description('show the DNS records that the deployment needs, and check them in the live DNS')
    .addOption(
      new Option('--format <format>', 'how to print the records')
        .choices(['table', 'bind', 'route53', 'terraform'])
        .default('table'),
    )
    .addOption(
      new Option('--check', "query the zone's own servers for each record")
        .default(false)
        .conflicts('format'),
    );
  addDnsServerOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((options: DnsOptions) => run((context) => dns(context, options)));
}

const EXAMPLES = `
Read-only: changes neither the DNS nor AWS. Merge an existing SPF or DMARC record, never add a second one; --check
shows how.

Examples:
  $ mailctl dns                                   records to add at the DNS provider
  $ mailctl dns --format bind >> example.org.zone
  $ mailctl dns --format route53 > batch.json && aws route53 change-resource-record-sets \\
      --hosted-zone-id Z0123456789 --change-batch file://batch.json
  $ mailctl dns --format terraform > mail-dns.tf
  $ mailctl dns --check                           exit code 0, 1 with warnings, 2 if a check fails
  $ mailctl dns --check --resolver 9.9.9.9:53     if the local resolver forges responses`;

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

const STYLES: Readonly<Record<FindingLevel, Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** One line per finding, followed by its details. */
function showFindings(terminal: Terminal, findings: readonly DnsFinding[]): string {
  return findings.flatMap((finding) => [headOf(terminal, finding), ...detailsOf(finding)]).join('\n');
}

function headOf(terminal: Terminal, { level, status, name, type, purpose }: DnsFinding): string {
  const mark = terminal.paint(STYLES[level], level.padEnd(4));
  return `${mark}  ${name} ${type}  ${status === 'ok' ? '' : `${status} `}(${purpose})`;
}

function detailsOf(finding: DnsFinding): string[] {
  const { status, level, wanted, found, notes, servers, alignment = [], proposal, fix } = finding;
  return [
    ...(found.length > 0 && (status !== 'ok' || isWorthSeeing(finding)) ? found.map(line('found')) : []),
    ...(wanted !== undefined && status === 'wrong' && proposal === undefined ? [line('wanted')(wanted)] : []),
    ...notes.map(line('note')),
    ...servers.map(({ host, says }) => line('server')(`${host}: ${says}`)),
    ...alignment.map(alignmentLine),
    ...(level === 'ok' || fix === undefined ? [] : [line('fix')(fix)]),
  ];
}

/** Records that existed before this deployment, and that their owner decides on. */
const isWorthSeeing = ({ purpose }: DnsFinding) => purpose === 'dmarc' || purpose === 'domain-spf';

const line = (label: string) => (text: string) => `      ${`${label}:`.padEnd(8)}${text}`;

const alignmentLine = ({ way, by, aligned, why }: Alignment) =>
  line('DMARC')(`${way} by ${by}: ${aligned}, ${why}`);

const REASONS: Readonly<Record<RecordPurpose, string>> = {
  dkim: 'DKIM keys of SES',
  'mail-from-mx': 'routes bounces to SES',
  'mail-from-spf': 'authorises SES to send',
  dmarc: 'policy for unaligned mail; keep an existing record',
};

function showRecords(terminal: Terminal, needed: readonly NeededRecord[]): string {
  const rows = needed.map(({ name, type, value, purpose }) => [name, type, value, REASONS[purpose]]);
  return terminal.table(['NAME', 'TYPE', 'VALUE', 'PURPOSE'], rows);
}

/** Zone file lines (RFC 1035, section 5.1) with absolute names, to include in any parent zone. */
export function formatBind(needed: readonly NeededRecord[]): string {
  return needed.map((record) => `${record.name}. ${RECORD_TTL_SECONDS} IN ${bindData(record)}\n`).join('');
}

function bindData({ type, value }: NeededRecord): string {
  return type === 'TXT' ? `TXT ${quoteTxt(value)}` : `${type} ${value}.`;
}

/**
 * A Route 53 change batch, which is atomic. DKIM names belong to SES alone, so UPSERT overwrites them; for
 * the others CREATE fails if a record exists, which an operator must then merge.
 *
 * @see https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
export function route53ChangeBatch(needed: readonly NeededRecord[]) {
  return {
    Comment: 'The records of the mail pipeline',
    Changes: needed.map(({ purpose, name, type, value }) => ({
      Action: purpose === 'dkim' ? 'UPSERT' : 'CREATE',
      ResourceRecordSet: {
        Name: `${name}.`,
        Type: type,
        TTL: RECORD_TTL_SECONDS,
        ResourceRecords: [{ Value: type === 'TXT' ? quoteTxt(value) : `${value}.` }],
      },
    })),
  };
}

/**
 * Resources for Terraform's AWS provider, which adds the outer quotes of a TXT value itself.
 *
 * @see https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/route53_record
 */
export function formatTerraform(needed: readonly NeededRecord[]): string {
  const resources = needed.map((record, index) => resourceOf(record, resourceName(needed, index)));
  return [ZONE_VARIABLE, ...resources].join('\n');
}

const ZONE_VARIABLE = `variable "mail_zone_id" {
  description = "The Route 53 zone that the records of the mail pipeline are in"
  type        = string
}
`;

function resourceOf(record: NeededRecord, resource: string): string {
  return `resource "aws_route53_record" "${resource}" {
  zone_id = var.mail_zone_id
  name    = ${quoted(record.name)}
  type    = "${record.type}"
  ttl     = ${RECORD_TTL_SECONDS}
  records = [${terraformData(record)}]
}
`;
}

/** `mail_dkim_1` if there are several of a kind. */
function resourceName(needed: readonly NeededRecord[], index: number): string {
  const purpose = needed[index]?.purpose ?? 'dkim';
  const ofKind = needed.filter((record) => record.purpose === purpose).length;
  const number = needed.slice(0, index + 1).filter((record) => record.purpose === purpose).length;
  const name = purpose.startsWith('mail') ? purpose : `mail-${purpose}`;
  return `${name.replaceAll('-', '_')}${ofKind > 1 ? `_${number}` : ''}`;
}

function terraformData({ type, value }: NeededRecord): string {
  if (type !== 'TXT') return quoted(value);
  // Between the strings of a record the provider expects the closing and the opening quote.
  return quoted(txtStrings(value).join('""'));
}

/** An HCL string, in which `${` and `%{` begin a template; SPF macros look like the latter. */
const quoted = (text: string): string =>
  JSON.stringify(text)
    .replaceAll('${', () => '$${')
    .replaceAll('%{', '%%{');
