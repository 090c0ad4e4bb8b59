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

const UNPRIVILEGED_POD = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

const UNPRIVILEGED_CONTAINER = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;

export interface Manifest {
  readonly content: unknown;
  /** The comment that explains a line, by the line's path. */
  readonly reasons: readonly (readonly [path: readonly (string | number)[], reason: string])[];
}

/** What a process is found by. Only labels that never change: the selector of a Deployment is immutable. */
export function labelsOf(name: string) {
  const selector = { 'app.kubernetes.io/name': name };
  return { labels: { ...selector, 'app.kubernetes.io/part-of': 'keybuzz-mail-pipeline' }, selector };
}

/** After the last mail: time to publish metrics and close connections. */
const CLOSING_SECONDS = 10;

export interface DeploymentOptions {
  /** Of the process, its container and the command in the image. */
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  readonly drainTimeoutMs: number;
  /** Health and metrics. */
  readonly httpPort: number;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Names of Secrets whose keys are environment variables. */
  readonly secrets: readonly string[];
  readonly memoryLimit: string;
  /** By the folder where they stand. */
  readonly volumes?: Readonly<Record<string, { readonly name: string; readonly secretName: string }>>;
  readonly reasons: {
    readonly replicas: string;
    readonly strategy: string;
    /** By paths below the pod. */
    readonly pod: Manifest['reasons'];
  };
}

/** A process of which any number may run, that drains before it ends, without privileges. */
export function deployment(options: DeploymentOptions): Manifest {
  const { name, namespace, replicas, httpPort, reasons } = options;
  const { labels, selector } = labelsOf(name);
  const annotations = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': String(httpPort),
  };
  return {
    content: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace, labels },
      spec: {
        replicas,
        selector: { matchLabels: selector },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: { metadata: { labels, annotations }, spec: podSpec(options) },
      },
    },
    reasons: [
      [['spec', 'replicas'], reasons.replicas],
      [['spec', 'strategy'], reasons.strategy],
      ...reasons.pod.map(([path, reason]) => [['spec', 'template', 'spec', ...path], reason] as const),
    ],
  };
}

function podSpec(options: DeploymentOptions): Record<string, unknown> {
  const volumes = Object.values(options.volumes ?? {});
  return {
    terminationGracePeriodSeconds: Math.ceil(options.drainTimeoutMs / 1000) + CLOSING_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: UNPRIVILEGED_POD,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labelsOf(options.name).selector },
      },
    ],
    containers: [container(options)],
    ...(volumes.length === 0
      ? {}
      : { volumes: volumes.map(({ name, secretName }) => ({ name, secret: { secretName } })) }),
  };
}

function container(options: DeploymentOptions): Record<string, unknown> {
  const { name, image, env, secrets, ports = [], httpPort, memoryLimit, volumes = {} } = options;
  const mounts = Object.entries(volumes).map(([mountPath, volume]) => ({
    name: volume.name,
    mountPath,
    readOnly: true,
  }));
  return {
    name,
    image,
    command: [name],
    env,
    envFrom: secrets.map((secret) => ({ secretRef: { name: secret } })),
    ports: [...ports, { name: 'http', containerPort: httpPort }],
    startupProbe: probe('/healthz', { periodSeconds: 2, failureThreshold: 30 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 10, failureThreshold: 2 }),
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: memoryLimit } },
    securityContext: UNPRIVILEGED_CONTAINER,
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  };
}

/** Maintenance of the cluster stops one of them at a time. */
export function disruptionBudget(
  name: string,
  { namespace }: { readonly namespace: string },
  reasons: Manifest['reasons'],
): Manifest {
  const { labels, selector } = labelsOf(name);
  return {
    content: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace, labels },
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: selector },
      },
    },
    reasons,
  };
}

function probe(
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
