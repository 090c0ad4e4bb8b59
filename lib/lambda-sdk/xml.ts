import { parseXML } from '@aws-sdk/xml-builder';
import type { HttpResponse } from '@smithy/core/protocols';
import type { ServiceFault } from './service-client.ts';

/** By the names of its children; several of one name are an array, and an element without any is its text. */
export interface Element {
  readonly [name: string]: Element | string | readonly (Element | string)[] | undefined;
}

/** @throws if it is no XML */
export function parseXml(text: string): Element {
  return parseXML(text);
}

/** Without that child, one that has none. */
export function childOf(parent: Element, name: string): Element {
  const child = parent[name];
  return typeof child === 'object' && !Array.isArray(child) ? (child as Element) : {};
}

export function textOf(parent: Element, name: string): string | undefined {
  const text = parent[name];
  return typeof text === 'string' ? text : undefined;
}

export function numberOf(parent: Element, name: string): number {
  return Number(textOf(parent, name) ?? Number.NaN);
}

/** SES and S3 have it in an ErrorResponse, and S3 bare. */
export function readXmlError(_response: HttpResponse, body: string): ServiceFault {
  try {
    const root: Element = parseXml(body);
    const error = childOf('ErrorResponse' in root ? childOf(root, 'ErrorResponse') : root, 'Error');
    return { code: textOf(error, 'Code'), message: textOf(error, 'Message') };
  } catch {
    // From what stands before the service, a proxy.
    return { code: undefined, message: undefined };
  }
}
