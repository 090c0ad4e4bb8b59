type Attribute = string | number | undefined;

/** One SVG element with the given children; an undefined attribute is omitted. */
export function element(
  name: string,
  attributes: Readonly<Record<string, Attribute>>,
  ...children: readonly string[]
): string {
  const given = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value) : escapeXml(String(value))}"`,
    )
    .join('');
  return children.length === 0 ? `<${name}${given}/>` : `<${name}${given}>${children.join('')}</${name}>`;
}

/** A text whose baseline starts at x, y. */
export function text(
  content: string,
  { x, y, size, ...rest }: { x: number; y: number; size: number } & Readonly<Record<string, Attribute>>,
): string {
  return element('text', { x, y, 'font-size': size, ...rest }, escapeXml(content));
}

/** For XML 1.0, in text and in attributes in double quotes. */
export function escapeXml(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/\p{Cc}/gu, ' ');
}

/** A hundredth of a pixel is finer than the eye can see. */
function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
