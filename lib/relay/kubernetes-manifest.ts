import * as v from 'valibot';
import { parseSettings, settingsOf } from '../common/config.ts';
import { DEPLOYMENT_DEFAULTS, kubernetesSecretNames } from '../common/names.ts';
import { integer, port, projectName } from '../common/schemas.ts';
import { smtpHostSchema } from '../mailer/settings.ts';
import {
  deployment,
  disruptionBudget,
  imageReference,
  labelsOf,
  type Manifest,
  namespaceName,
  renderManifests,
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
    relay(complete),
    service(complete),
    networkPolicy(complete),
    disruptionBudget(NAME, complete, [
      [['spec', 'maxUnavailable'], 'One at a time, so that clients always find one.'],
    ]),
  ]);
}

const { labels: LABELS, selector: SELECTOR } = labelsOf(NAME);

/** A pod with this label may send. */
const CLIENT_LABEL = { 'keybuzz-mail-pipeline/smtp-relay-client': 'true' } as const;

const TLS_FOLDER = '/run/secrets/smtp-relay-tls';

function relay({ namespace, image, project, replicas, upstreamHost, upstreamPort }: Options): Manifest {
  const upstream = [
    ...(upstreamHost === undefined ? [] : [{ name: 'RELAY_UPSTREAM_HOST', value: upstreamHost }]),
    ...(upstreamPort === undefined ? [] : [{ name: 'RELAY_UPSTREAM_PORT', value: String(upstreamPort) }]),
  ];
  return deployment({
    name: NAME,
    namespace,
    image,
    replicas,
    drainTimeoutMs: RELAY_DEFAULTS.drainTimeoutMs,
    httpPort: RELAY_DEFAULTS.httpPort,
    ports: [{ name: 'smtp', containerPort: RELAY_DEFAULTS.port }],
    env: [
      { name: 'RELAY_TLS_CERT_FILE', value: `${TLS_FOLDER}/tls.crt` },
      { name: 'RELAY_TLS_KEY_FILE', value: `${TLS_FOLDER}/tls.key` },
      ...upstream,
    ],
    secrets: [kubernetesSecretNames(project).ses, `${project}-relay`],
    memoryLimit: '1Gi',
    volumes: { [TLS_FOLDER]: { name: 'tls', secretName: `${project}-relay-tls` } },
    reasons: {
      replicas: 'It keeps nothing: any number may run side by side.',
      strategy: 'A new one must be ready before an old one goes: clients always find one.',
      pod: POD_REASONS,
    },
  });
}

const POD_REASONS: Manifest['reasons'] = [
  [['terminationGracePeriodSeconds'], 'Longer than the drain, or mails in progress would be cut off.'],
  [['automountServiceAccountToken'], 'It never talks to Kubernetes.'],
  [['enableServiceLinks'], 'A Service named "relay" would set RELAY_PORT to tcp://…'],
  [
    ['containers', 0, 'envFrom'],
    'AWS_SES_*, FALLBACK_*, PAYLOAD_BUCKET, MAIL_DOMAIN; MAIL_ID_KEY, RELAY_NETWORKS or RELAY_USERS, the other RELAY_UPSTREAM_* variables.',
  ],
  [
    ['containers', 0, 'resources'],
    'Four mails of 40 MB with what it takes to pack them; RELAY_MAX_MEMORY_BYTES says how many.',
  ],
  [['volumes'], 'Of type kubernetes.io/tls. A renewed certificate is read without a restart.'],
];

function service({ namespace }: Options): Manifest {
  return {
    content: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        selector: SELECTOR,
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
        podSelector: { matchLabels: SELECTOR },
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
