import * as v from 'valibot';
import { Document, isMap, isScalar } from 'yaml';
import { allowed, matching } from '../common/schemas.ts';
import { HEALTH_ANSWER_TIMEOUT_MS } from './health.ts';

const IMAGE =
  'an image with a tag or a digest, such as registry.example/team/mail:1.0 or mail@sha256:<64 hex digits>; without ' +
  'one the replicas could run different builds';

/** Grammar: https://pkg.go.dev/github.com/distribution/reference */
const IMAGE_REFERENCE = (() => {
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
  const host = `${label}(?:\\.${label})*(?::\\d{1,5})?/`;
  const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
  const tag = ':\\w[\\w.-]{0,127}';
  const digest = '@sha256:[a-f0-9]{64}';
  return new RegExp(`^(?:${host})?${part}(?:/${part})*(?:${tag}(?:${digest})?|${digest})$`);
})();

export const imageReference = v.pipe(v.string(), v.maxLength(512), v.regex(IMAGE_REFERENCE), allowed(IMAGE));

export const namespaceName = matching(
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
  'a DNS label: 1 to 63 lower-case letters, digits and dashes, no dash at either end',
);

export const UNPRIVILEGED_POD = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

export const UNPRIVILEGED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;

export interface Manifest {
  readonly content: unknown;
  /** The comment that explains a line, by the line's path. */
  readonly reasons: readonly (readonly [path: readonly (string | number)[], reason: string])[];
}

export function probe(
  path: string,
  pace: { readonly periodSeconds: number; readonly failureThreshold: number },
): Record<string, unknown> {
  // Longer than the server's own timeout, so that the response with the reason gets through.
  const timeoutSeconds = Math.ceil(HEALTH_ANSWER_TIMEOUT_MS / 1000) + 2;
  return { httpGet: { path, port: 'http' }, timeoutSeconds, ...pace };
}

/** As YAML for `kubectl apply`. */
export function renderManifests(manifests: readonly Manifest[]): string {
  return manifests.map(render).join('---\n');
}

function render({ content, reasons }: Manifest): string {
  // Without this, YAML uses aliases for labels and selector; written out, each can be edited by itself.
  const document = new Document(content, { aliasDuplicateObjects: false });
  for (const [path, reason] of reasons) comment(document, path, reason);
  return document.toString({ lineWidth: 0 });
}

/** A comment must be attached to the key that starts the line. */
function comment(document: Document, path: readonly (string | number)[], reason: string): void {
  const parent = document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) throw new TypeError(`the manifest has no map at ${path.slice(0, -1).join('.')}`);
  const line = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  if (line === undefined || !isScalar(line.key)) throw new TypeError(`the manifest has no ${path.join('.')}`);
  line.key.commentBefore = ` ${reason}`;
}
