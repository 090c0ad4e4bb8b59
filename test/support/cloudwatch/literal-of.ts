/**
 * The text of a value in a template, if it can be known before deployment; undefined for others, such as a
 * Ref.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function literalOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null || !('Fn::Join' in value)) return undefined;
  const join = value['Fn::Join'];
  if (!Array.isArray(join) || typeof join[0] !== 'string' || !Array.isArray(join[1])) return undefined;
  const parts = join[1].map(literalOf);
  return parts.every((part) => part !== undefined) ? parts.join(join[0]) : undefined;
}
