/** Some programs put it in front of UTF-8; a reader of JSON may ignore it (RFC 8259, 8.1). */
const BYTE_ORDER_MARK = /^\ufeff/;

/** The parsed value; undefined, which JSON cannot express, if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(BYTE_ORDER_MARK, ''));
  } catch {
    return undefined;
  }
}
