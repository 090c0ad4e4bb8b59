import * as v from 'valibot';
import { parseSettings, settingsOf } from '../common/config.ts';
import { DEPLOYMENT_DEFAULTS, kubernetesSecretNames } from '../common/names.ts';
import { integer, port, projectName } from '../common/schemas.ts';
import { smtpHostSchema } from '../mailer/settings.ts';
import {
  imageReference,
  type Manifest,
  namespaceName,
  probe,
  renderManifests,
  UNPRIVILEGED_CONTAINER,
  UNPRIVILEGED_POD,
} from '../process/manifest.ts';
import { RELAY_DEFAULTS } from './settings.ts';

export interface RelayManifestOptions {
  /** Must exist, with the secrets in it. */
  readonly namespace: string;
  /** A reference with a tag or a digest. */
  readonly image: string;
  /** The front of the names of those secrets. @default 'keybuzz' */
  readonly project?: string | undefined;
  /** @default 2 */
  readonly replicas?: number | undefined;
  /** The mail server in front of which it stands. @default none: it stands behind one */
  readonly upstreamHost?: string | undefined;
  /** @default 587 */
  readonly upstreamPort?: number | undefined;
}

const NAME = 'smtp-relay';

/** After the last mail: time to close connections and publish metrics. */
const CLOSING_SECONDS = 10;

const optionsSchema = v.object({
  namespace: namespaceName,
  image: imageReference,
  project: v.optional(projectName, DEPLOYMENT_DEFAULTS.project),
  replicas: v.optional(integer(1, 100), 2),
  upstreamHost: v.optional(smtpHostSchema),
  upstreamPort: v.optional(port),
});

type Options = v.InferOutput<typeof optionsSchema>;

/**
 * The relay's Kubernetes manifest as YAML for `kubectl apply`: Deployment, Service, NetworkPolicy and
 * PodDisruptionBudget.
 *
 * @throws {@link SettingsError} that lists every error at once
 */
export function relayManifest(options: RelayManifestOptions): string {
  const complete = settingsOf(parseSettings(optionsSchema, options));
  return renderManifests([
    deployment(complete),
    service(complete),
    networkPolicy(complete),
    disruptionBudget(complete),
  ]);
}

const LABELS = {
  'app.kubernetes.io/name': NAME,
  'app.kubernetes.io/part-of': 'keybuzz-mail-pipeline',
} as const;

const SELECTOR = { matchLabels: { 'app.kubernetes.io/name': NAME } } as const;

/** A pod with this label may send. */
const CLIENT_LABEL = { 'keybuzz-mail-pipeline/smtp-relay-client': 'true' } as const;

const TLS_FOLDER = '/run/secrets/smtp-relay-tls';

function deployment(options: Options): Manifest {
  const { namespace, replicas } = options;
  const pod = ['spec', 'template', 'spec'];
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
          metadata: {
            labels: LABELS,
            annotations: {
              'prometheus.io/scrape': 'true',
              'prometheus.io/path': '/metrics',
              'prometheus.io/port': String(RELAY_DEFAULTS.httpPort),
            },
          },
          spec: podSpec(options),
        },
      },
    },
    reasons: [
      [['spec', 'replicas'], 'It keeps nothing: any number may run side by side.'],
      [['spec', 'strategy'], 'A new one must be ready before an old one goes: clients always find one.'],
      [
        [...pod, 'terminationGracePeriodSeconds'],
        'Longer than the drain, or mails in progress would be cut off.',
      ],
      [[...pod, 'automountServiceAccountToken'], 'It never talks to Kubernetes.'],
      [[...pod, 'enableServiceLinks'], 'A Service named "relay" would set RELAY_PORT to tcp://…'],
      [
        [...pod, 'containers', 0, 'envFrom'],
        'AWS_SES_*, FALLBACK_QUEUE_URL, PAYLOAD_BUCKET, MAIL_DOMAIN; MAIL_ID_KEY, RELAY_NETWORKS or RELAY_USERS, RELAY_UPSTREAM_USER and its kin.',
      ],
      [
        [...pod, 'containers', 0, 'resources'],
        'Four mails of 40 MB with what it takes to pack them; RELAY_MAX_MEMORY_BYTES says how many.',
      ],
      [[...pod, 'volumes'], 'Of type kubernetes.io/tls. A renewed certificate is read without a restart.'],
    ],
  };
}

function podSpec(options: Options): Record<string, unknown> {
  return {
    terminationGracePeriodSeconds: RELAY_DEFAULTS.drainTimeoutMs / 1000 + CLOSING_SECONDS,
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
    volumes: [{ name: 'tls', secret: { secretName: `${options.project}-relay-tls` } }],
  };
}

function container({ project, image, upstreamHost, upstreamPort }: Options): Record<string, unknown> {
  const upstream = [
    ...(upstreamHost === undefined ? [] : [{ name: 'RELAY_UPSTREAM_HOST', value: upstreamHost }]),
    ...(upstreamPort === undefined ? [] : [{ name: 'RELAY_UPSTREAM_PORT', value: String(upstreamPort) }]),
  ];
  return {
    name: NAME,
    image,
    command: [NAME],
    env: [
      { name: 'RELAY_TLS_CERT_FILE', value: `${TLS_FOLDER}/tls.crt` },
      { name: 'RELAY_TLS_KEY_FILE', value: `${TLS_FOLDER}/tls.key` },
      ...upstream,
    ],
    envFrom: [kubernetesSecretNames(project).ses, `${project}-relay`].map((name) => ({
      secretRef: { name },
    })),
    ports: [
      { name: 'smtp', containerPort: RELAY_DEFAULTS.port },
      { name: 'http', containerPort: RELAY_DEFAULTS.httpPort },
    ],
    startupProbe: probe('/healthz', { periodSeconds: 2, failureThreshold: 30 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 10, failureThreshold: 2 }),
    resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
    securityContext: UNPRIVILEGED_CONTAINER,
    volumeMounts: [{ name: 'tls', mountPath: TLS_FOLDER, readOnly: true }],
  };
}

function service({ namespace }: Options): Manifest {
  return {
    content: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        selector: SELECTOR.matchLabels,
        ports: [{ name: 'smtp', port: 587, targetPort: 'smtp', protocol: 'TCP' }],
      },
    },
    reasons: [[['spec'], 'For clients of this cluster alone: it has no address outside.']],
  };
}

function networkPolicy({ namespace }: Options): Manifest {
  return {
    content: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        podSelector: SELECTOR,
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ podSelector: { matchLabels: CLIENT_LABEL } }],
            ports: [{ port: 'smtp', protocol: 'TCP' }],
          },
          { ports: [{ port: 'http', protocol: 'TCP' }] },
        ],
      },
    },
    reasons: [
      [
        ['spec', 'ingress'],
        'SMTP from pods with this label alone; health and metrics for probes and Prometheus.',
      ],
    ],
  };
}

function disruptionBudget({ namespace }: Options): Manifest {
  return {
    content: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: SELECTOR },
    },
    reasons: [[['spec', 'maxUnavailable'], 'One at a time, so that clients always find one.']],
  };
}
