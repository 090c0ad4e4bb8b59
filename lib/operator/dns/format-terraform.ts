import type { NeededRecord } from './needed-records.ts';
import { RECORD_TTL_SECONDS } from './record-ttl.ts';
import { txtStrings } from './txt-strings.ts';

/**
 * Resources of Terraform's AWS provider, which puts the outer quotes around a TXT by itself.
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
  records = [${dataOf(record)}]
}
`;
}

/** `mail_dkim_1` where there are several of a kind. */
function resourceName(needed: readonly NeededRecord[], index: number): string {
  const purpose = needed[index]?.purpose ?? 'dkim';
  const ofKind = needed.filter((record) => record.purpose === purpose).length;
  const number = needed.slice(0, index + 1).filter((record) => record.purpose === purpose).length;
  const name = purpose.startsWith('mail') ? purpose : `mail-${purpose}`;
  return `${name.replaceAll('-', '_')}${ofKind > 1 ? `_${number}` : ''}`;
}

function dataOf({ type, value }: NeededRecord): string {
  if (type !== 'TXT') return quoted(value);
  // Between the strings of one record the provider wants the quotes that end one and begin the next.
  return quoted(txtStrings(value).join('""'));
}

/** A string of HCL, in which `${` and `%{` begin a template; SPF has macros like the latter. */
const quoted = (text: string): string =>
  JSON.stringify(text)
    .replaceAll('${', () => '$${')
    .replaceAll('%{', '%%{');
