import * as v from 'valibot';
import { parseSettings, settingsOf } from '../common/config.ts';
import { DEPLOYMENT_DEFAULTS, kubernetesSecretNames } from '../common/names.ts';
import { integer, projectName } from '../common/schemas.ts';
import { HOUR_MS } from '../common/time.ts';
import { namespaceSchema, stageSchema } from '../process/cloud-watch-settings.ts';
import {
  deployment,
  disruptionBudget,
  imageReference,
  type Manifest,
  namespaceName,
  renderManifests,
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
  return renderManifests([worker(complete), disruptionBudget(NAME, complete, BUDGET_REASONS)]);
}

function worker({
  namespace,
  image,
  project,
  replicas,
  drainTimeoutMs,
  httpPort,
  cloudWatch,
}: Options): Manifest {
  return deployment({
    name: NAME,
    namespace,
    image,
    replicas,
    drainTimeoutMs,
    httpPort,
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
    secrets: Object.values(kubernetesSecretNames(project)),
    memoryLimit: '768Mi',
    reasons: {
      replicas: 'Workers share the rows; any number may run side by side.',
      strategy: 'A new one must be ready before an old one goes: mail never waits for a rollout.',
      pod: POD_REASONS,
    },
  });
}

const POD_REASONS: Manifest['reasons'] = [
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
    'DATABASE_URL, or PGHOST and the other PG* variables; AWS_SES_*, FALLBACK_*, PAYLOAD_BUCKET, RECEIPTS_QUEUE_URL; SMTP_*.',
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

const BUDGET_REASONS: Manifest['reasons'] = [
  [
    ['spec', 'maxUnavailable'],
    'One at a time; a minimum would keep a node from being drained at one replica.',
  ],
  [['spec', 'unhealthyPodEvictionPolicy'], 'Nor may a worker that waits for its database keep it from that.'],
];
