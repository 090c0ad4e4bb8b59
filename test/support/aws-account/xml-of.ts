/**
 * An element in the query protocol: lists as `member`, maps as `entry` with `key` and `value`, times as ISO
 * 8601. Undefined values are omitted.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
export function xmlOf(name: string, value: unknown): string {
  return value === undefined ? '' : `<${name}>${contentOf(value)}</${name}>`;
}

function contentOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((item) => xmlOf('member', item)).join('');
  if (value instanceof Map) {
    return [...value].map(([key, entry]) => xmlOf('entry', { key, value: entry })).join('');
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, field]) => xmlOf(name, field))
      .join('');
  }
  return escapeXml(String(value));
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
