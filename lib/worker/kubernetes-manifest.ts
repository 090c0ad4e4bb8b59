import * as v from 'valibot';
import { Document, isMap, isScalar } from 'yaml';
import { parseSettings, settingsOf } from '../common/config.ts';
import { DEPLOYMENT_DEFAULTS, kubernetesSecretNames } from '../common/names.ts';
import { allowed, integer, matching, projectName } from '../common/schemas.ts';
import { HOUR_MS } from '../common/time.ts';
import { HEALTH_ANSWER_TIMEOUT_MS } from './health.ts';
import { namespaceSchema, stageSchema, WORKER_DEFAULTS } from './settings.ts';

export interface ManifestOptions {
  /** Must exist, with the three secrets in it. */
  readonly namespace: string;
  /** A reference with a tag or a digest. */
  readonly image: string;
  /** The front of the names of those secrets. @default 'keybuzz' */
  readonly project?: string | undefined;
  /** @default 2 */
  readonly replicas?: number | undefined;
  /** How long the worker may take to finish what is in flight. @default 25000 */
  readonly drainTimeoutMs?: number | undefined;
  /** Port for health and metrics. @default 9464 */
  readonly httpPort?: number | undefined;
  /** CloudWatch metrics for the alarms of its stage. @default none */
  readonly cloudWatch?: { readonly namespace: string; readonly stage: string } | undefined;
}

const NAME = 'outbound-worker';

/** After the last mail: time to release leases and close connections. */
const CLOSING_SECONDS = 10;

const NAMESPACE = 'a DNS label: 1 to 63 lower-case letters, digits and dashes, no dash at either end';
const IMAGE =
  'an image with a tag or a digest, such as registry.example/team/mail:1.0 or mail@sha256:<64 hex digits>; without ' +
  'one the replicas could run different builds';

/** Grammar: https://pkg.go.dev/github.com/distribution/reference */
const imageReference = (() => {
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
  const host = `${label}(?:\\.${label})*(?::\\d{1,5})?/`;
  const part = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
  const tag = ':\\w[\\w.-]{0,127}';
  const digest = '@sha256:[a-f0-9]{64}';
  return new RegExp(`^(?:${host})?${part}(?:/${part})*(?:${tag}(?:${digest})?|${digest})$`);
})();

const optionsSchema = v.object({
  namespace: matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, NAMESPACE),
  image: v.pipe(v.string(), v.maxLength(512), v.regex(imageReference), allowed(IMAGE)),
  project: v.optional(projectName, DEPLOYMENT_DEFAULTS.project),
  replicas: v.optional(integer(1, 100), 2),
  drainTimeoutMs: v.optional(integer(0, HOUR_MS), WORKER_DEFAULTS.drainTimeoutMs),
  httpPort: v.optional(integer(1024, 65_535), WORKER_DEFAULTS.httpPort),
  cloudWatch: v.optional(v.object({ namespace: namespaceSchema, stage: stageSchema })),
});

type Options = v.InferOutput<typeof optionsSchema>;

/**
 * The worker's Kubernetes manifest as YAML for `kubectl apply`: a Deployment and its PodDisruptionBudget.
 *
 * @throws {@link SettingsError} that lists every error at once
 */
export function kubernetesManifest(options: ManifestOptions): string {
  const complete = settingsOf(parseSettings(optionsSchema, options));
  return [deployment(complete), disruptionBudget(complete)].map(render).join('---\n');
}

interface Manifest {
  readonly content: unknown;
  /** The comment that explains a line, by the line's path. */
  readonly reasons: readonly (readonly [path: readonly (string | number)[], reason: string])[];
}

const LABELS = {
  'app.kubernetes.io/name': NAME,
  'app.kubernetes.io/part-of': 'keybuzz-mail-pipeline',
} as const;

/** Only labels that never change: the selector of a Deployment is immutable. */
const SELECTOR = { matchLabels: { 'app.kubernetes.io/name': NAME } } as const;

function deployment(options: Options): Manifest {
  const { namespace, replicas } = options;
  return {
    content: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        replicas,
        selector: SELECTOR,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels: LABELS, annotations: scrapeAnnotations(options) },
          spec: podSpec(options),
        },
      },
    },
    reasons: [
      [['spec', 'replicas'], 'Workers share the rows; any number may run side by side.'],
      [
        ['spec', 'strategy'],
        'A new one must be ready before an old one goes: mail never waits for a rollout.',
      ],
      ...podReasons.map(([path, reason]) => [['spec', 'template', 'spec', ...path], reason] as const),
    ],
  };
}

function scrapeAnnotations({ httpPort }: Options): Record<string, string> {
  return {
    'prometheus.io/scrape': 'true',
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': String(httpPort),
  };
}

function podSpec(options: Options): Record<string, unknown> {
  return {
    terminationGracePeriodSeconds: Math.ceil(options.drainTimeoutMs / 1000) + CLOSING_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: SELECTOR,
      },
    ],
    containers: [container(options)],
  };
}

function container({
  project,
  image,
  drainTimeoutMs,
  httpPort,
  cloudWatch,
}: Options): Record<string, unknown> {
  return {
    name: NAME,
    image,
    command: [NAME],
    env: [
      { name: 'OUTBOUND_DRAIN_TIMEOUT_MS', value: String(drainTimeoutMs) },
      { name: 'OUTBOUND_HTTP_PORT', value: String(httpPort) },
      ...(cloudWatch === undefined
        ? []
        : [
            { name: 'OUTBOUND_CLOUDWATCH_NAMESPACE', value: cloudWatch.namespace },
            { name: 'OUTBOUND_CLOUDWATCH_STAGE', value: cloudWatch.stage },
          ]),
    ],
    envFrom: Object.values(kubernetesSecretNames(project)).map((name) => ({ secretRef: { name } })),
    ports: [{ name: 'http', containerPort: httpPort }],
    startupProbe: probe('/healthz', { periodSeconds: 2, failureThreshold: 30 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 10, failureThreshold: 2 }),
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '768Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
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

const podReasons: Manifest['reasons'] = [
  [
    ['terminationGracePeriodSeconds'],
    'Longer than the drain, or the worker would be killed while it finishes.',
  ],
  [['automountServiceAccountToken'], 'It never talks to Kubernetes.'],
  [['enableServiceLinks'], 'A Service named "smtp" would set SMTP_PORT to tcp://…'],
  [
    ['securityContext', 'runAsUser'],
    'The user "node" of the official images; by number, as runAsNonRoot wants it.',
  ],
  [['topologySpreadConstraints'], 'On different nodes where there are some; better on one than not at all.'],
  [
    ['containers', 0, 'env'],
    'Written here, not in a secret: the grace period and the ports are derived from them, and none of it is secret.',
  ],
  [
    ['containers', 0, 'envFrom'],
    'DATABASE_URL or PGHOST and its kin; AWS_SES_*, FALLBACK_*, PAYLOAD_BUCKET, RECEIPTS_QUEUE_URL; SMTP_*.',
  ],
  [
    ['containers', 0, 'livenessProbe'],
    'Fails where the loop stands still; a database that is away is no reason.',
  ],
  [
    ['containers', 0, 'readinessProbe'],
    'Fails without the database: a rollout with a wrong password stops there.',
  ],
  [
    ['containers', 0, 'resources'],
    'Room for large mails in flight. No limit on CPU: throttled, a worker could not renew its leases in time.',
  ],
];

function disruptionBudget({ namespace }: Options): Manifest {
  return {
    content: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: SELECTOR },
    },
    reasons: [
      [
        ['spec', 'maxUnavailable'],
        'One at a time; a minimum would keep a node from being drained at one replica.',
      ],
      [
        ['spec', 'unhealthyPodEvictionPolicy'],
        'Nor may a worker that waits for its database keep it from that.',
      ],
    ],
  };
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
