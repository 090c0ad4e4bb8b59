import * as v from 'valibot';
import { parseSettings, settingsOf } from '../common/config.ts';
import { DEPLOYMENT_DEFAULTS, kubernetesSecretNames } from '../common/names.ts';
import { integer, projectName } from '../common/schemas.ts';
import { HOUR_MS } from '../common/time.ts';
import { namespaceSchema, stageSchema } from '../process/cloud-watch-settings.ts';
import {
  imageReference,
  type Manifest,
  namespaceName,
  probe,
  renderManifests,
  UNPRIVILEGED_CONTAINER,
  UNPRIVILEGED_POD,
} from '../process/manifest.ts';
import { WORKER_DEFAULTS } from './settings.ts';

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

const optionsSchema = v.object({
  namespace: namespaceName,
  image: imageReference,
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
  return renderManifests([deployment(complete), disruptionBudget(complete)]);
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
    securityContext: UNPRIVILEGED_POD,
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
    securityContext: UNPRIVILEGED_CONTAINER,
  };
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
