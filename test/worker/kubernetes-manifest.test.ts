import { describe, expect, it } from '@jest/globals';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import * as v from 'valibot';
import { parse, parseAllDocuments } from 'yaml';
import { SettingsError } from '../../lib/common/config.ts';
import { HEALTH_ANSWER_TIMEOUT_MS } from '../../lib/process/health.ts';
import { kubernetesManifest, type ManifestOptions } from '../../lib/worker/kubernetes-manifest.ts';
import { WORKER_DEFAULTS, WORKER_PROCESS_SETTINGS } from '../../lib/worker/settings.ts';

const CLOUD_WATCH = { namespace: 'keybuzz/mail-worker', stage: 'prod' };
const OPTIONS = { namespace: 'keybuzz', image: 'registry.example/keybuzz/mail:1.0' };

function resourcesOf(options: ManifestOptions): unknown[] {
  return parseAllDocuments(kubernetesManifest(options)).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  });
}

const probe = v.object({
  httpGet: v.object({ path: v.string(), port: v.string() }),
  timeoutSeconds: v.number(),
  periodSeconds: v.number(),
  failureThreshold: v.number(),
});

/** The fields of a Deployment that the tests read. */
const deploymentSchema = v.object({
  metadata: v.object({ namespace: v.string() }),
  spec: v.object({
    replicas: v.number(),
    selector: v.object({ matchLabels: v.record(v.string(), v.string()) }),
    strategy: v.unknown(),
    template: v.object({
      metadata: v.object({
        labels: v.record(v.string(), v.string()),
        annotations: v.record(v.string(), v.string()),
      }),
      spec: v.object({
        terminationGracePeriodSeconds: v.number(),
        automountServiceAccountToken: v.boolean(),
        enableServiceLinks: v.boolean(),
        securityContext: v.unknown(),
        topologySpreadConstraints: v.array(
          v.object({ whenUnsatisfiable: v.string(), labelSelector: v.unknown() }),
        ),
        containers: v.tuple([
          v.object({
            image: v.string(),
            command: v.array(v.string()),
            env: v.array(v.object({ name: v.string(), value: v.string() })),
            envFrom: v.array(v.object({ secretRef: v.strictObject({ name: v.string() }) })),
            ports: v.array(v.object({ name: v.string(), containerPort: v.number() })),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            resources: v.object({
              requests: v.record(v.string(), v.string()),
              limits: v.record(v.string(), v.string()),
            }),
            securityContext: v.unknown(),
          }),
        ]),
      }),
    }),
  }),
});

function deploymentOf(options: ManifestOptions) {
  const deployment = v.parse(deploymentSchema, resourcesOf(options)[0]);
  const { spec: pod, metadata } = deployment.spec.template;
  return { deployment, pod, metadata, container: pod.containers[0] };
}

/**
 * The fields that are not in the Kubernetes schema. The schema itself accepts unknown fields, and kubectl
 * drops them; but its validator reads only the fields that are in the schema.
 */
function unknownFields(resource: Deployment | PodDisruptionBudget): string[] {
  const unread = new Set<string>();
  const watch = (value: unknown, path: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const fields = new Map(
      Object.entries(value).map(([key, field]) => [key, watch(field, `${path}.${key}`)]),
    );
    if (!Array.isArray(value)) for (const key of fields.keys()) unread.add(`${path}.${key}`);
    return new Proxy(value, {
      get: (target, key) => {
        unread.delete(`${path}.${String(key)}`);
        return typeof key === 'string' && fields.has(key) ? fields.get(key) : Reflect.get(target, key);
      },
    });
  };
  for (const [key, field] of Object.entries(resource)) Reflect.set(resource, key, watch(field, key));
  resource.validate();
  return [...unread];
}

describe('the manifest', () => {
  it.each<[string, ManifestOptions]>([
    ['as it is by default', OPTIONS],
    [
      'with every option, and a namespace that YAML could parse as a number',
      {
        namespace: '0123',
        image: 'mail:1',
        replicas: 1,
        drainTimeoutMs: 0,
        httpPort: 8080,
        cloudWatch: CLOUD_WATCH,
      },
    ],
  ])("is valid by Kubernetes' schema, and has no unknown field, %s", (_, options) => {
    const [deployment, budget, ...rest] = resourcesOf(options);

    expect(rest).toEqual([]);
    expect(deployment).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment' });
    expect(budget).toMatchObject({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' });
    expect(unknownFields(new Deployment(Object(deployment)))).toEqual([]);
    expect(unknownFields(new PodDisruptionBudget(Object(budget)))).toEqual([]);
  });

  it('is validated by a schema that detects wrong values, missing and misspelt fields', () => {
    const broken = (from: string, to: string) => {
      const [text = ''] = kubernetesManifest(OPTIONS).split('---\n');
      expect(text).toContain(from);
      return new Deployment(parse(text.replace(from, to)));
    };

    expect(() => unknownFields(broken('replicas: 2', 'replicas: two'))).toThrow('data/spec/replicas');
    expect(() => unknownFields(broken('value: "25000"', 'value: 25000'))).toThrow('must be string');
    expect(() => unknownFields(broken('  selector:', '  selectors:'))).toThrow('selector');
    expect(unknownFields(broken('failureThreshold: 30', 'failuresThreshold: 30'))).toEqual([
      'spec.template.spec.containers.0.startupProbe.failuresThreshold',
    ]);
  });

  it('puts everything into the namespace, and runs the image as the worker', () => {
    for (const resource of resourcesOf(OPTIONS)) {
      expect(resource).toMatchObject({ metadata: { namespace: 'keybuzz', name: 'outbound-worker' } });
    }
    const { container } = deploymentOf(OPTIONS);
    expect(container.image).toBe(OPTIONS.image);
    expect(container.command).toEqual(['outbound-worker']);
  });

  it('probes the process for liveness and readiness, and waits for its detailed response', () => {
    const { container } = deploymentOf(OPTIONS);

    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    for (const { timeoutSeconds } of [
      container.startupProbe,
      container.livenessProbe,
      container.readinessProbe,
    ]) {
      expect(timeoutSeconds * 1000).toBeGreaterThan(HEALTH_ANSWER_TIMEOUT_MS);
    }
  });

  it.each([undefined, 0, 1, 25_000, 25_001, 90_500])(
    'has a termination grace period longer than the drain of %s ms',
    (drainTimeoutMs) => {
      const { pod, container } = deploymentOf({ ...OPTIONS, drainTimeoutMs });
      const drainMs = drainTimeoutMs ?? WORKER_DEFAULTS.drainTimeoutMs;

      expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(drainMs);
      expect(container.env).toContainEqual({ name: 'OUTBOUND_DRAIN_TIMEOUT_MS', value: String(drainMs) });
    },
  );

  it('has one port for the process, its probes and Prometheus', () => {
    const { container, metadata } = deploymentOf({ ...OPTIONS, httpPort: 8080 });

    expect(container.env).toContainEqual({ name: 'OUTBOUND_HTTP_PORT', value: '8080' });
    expect(container.ports).toEqual([{ name: 'http', containerPort: 8080 }]);
    expect(metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/path': '/metrics',
      'prometheus.io/port': '8080',
    });
  });

  it('sets where metrics are published if configured', () => {
    const namesOf = (options: ManifestOptions) => deploymentOf(options).container.env.map(({ name }) => name);
    const { container } = deploymentOf({ ...OPTIONS, cloudWatch: CLOUD_WATCH });

    expect(container.env).toContainEqual({
      name: 'OUTBOUND_CLOUDWATCH_NAMESPACE',
      value: 'keybuzz/mail-worker',
    });
    expect(container.env).toContainEqual({ name: 'OUTBOUND_CLOUDWATCH_STAGE', value: 'prod' });
    expect(namesOf(OPTIONS).filter((name) => name.includes('CLOUDWATCH'))).toEqual([]);
  });

  it('sets variables that the process reads, and its secrets by reference alone', () => {
    const { container } = deploymentOf({ ...OPTIONS, cloudWatch: CLOUD_WATCH });
    const read = WORKER_PROCESS_SETTINGS.map(({ variable }) => variable);

    const secrets = WORKER_PROCESS_SETTINGS.filter(({ secret }) => secret).map(({ variable }) => variable);

    for (const { name } of container.env) {
      expect(read).toContain(name);
      expect(secrets).not.toContain(name);
    }
    expect(container.envFrom.map(({ secretRef }) => secretRef.name)).toEqual([
      'keybuzz-api-postgres',
      'keybuzz-ses',
      'keybuzz-smtp',
    ]);
  });

  it('reads the secrets of its project', () => {
    const { container } = deploymentOf({ ...OPTIONS, project: 'acme' });

    expect(container.envFrom.map(({ secretRef }) => secretRef.name)).toEqual([
      'acme-api-postgres',
      'acme-ses',
      'acme-smtp',
    ]);
    expect(() => kubernetesManifest({ ...OPTIONS, project: 'Acme Ltd' })).toThrow(SettingsError);
  });

  it('runs unprivileged, as the Pod Security Standard "restricted" requires', () => {
    const { pod, container } = deploymentOf(OPTIONS);

    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.securityContext).not.toMatchObject({ runAsUser: 0 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    // A Service in the namespace would otherwise set variables that look like settings.
    expect(pod.enableServiceLinks).toBe(false);
  });

  it('keeps a worker running through a rollout, the loss and the drain of a node', () => {
    const { deployment, pod } = deploymentOf(OPTIONS);
    const [, budget] = resourcesOf(OPTIONS);
    const { selector } = deployment.spec;

    expect(deployment.spec.replicas).toBe(2);
    expect(deployment.spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
    expect(pod.topologySpreadConstraints).toEqual([
      expect.objectContaining({ whenUnsatisfiable: 'ScheduleAnyway', labelSelector: selector }),
    ]);
    expect(budget).toMatchObject({ spec: { maxUnavailable: 1, selector } });
    expect(deployment.spec.template.metadata.labels).toMatchObject(selector.matchLabels);
  });

  it('requests memory and CPU, and limits only memory', () => {
    const { resources } = deploymentOf(OPTIONS).container;

    expect(Object.keys(resources.requests).sort()).toEqual(['cpu', 'memory']);
    expect(Object.keys(resources.limits)).toEqual(['memory']);
  });

  it('has comments with reasons', () => {
    expect(kubernetesManifest(OPTIONS)).toMatch(
      /^ +# Longer than the drain, .+\n +terminationGracePeriodSeconds: 35$/m,
    );
  });
});

describe('the options of the manifest', () => {
  it.each([
    'mail:1.0',
    'keybuzz/mail:latest',
    'registry.example:5000/team/mail_x/y--z:1.0-rc.1',
    `ghcr.io/keybuzz/mail@sha256:${'a'.repeat(64)}`,
    `ghcr.io/keybuzz/mail:1.0@sha256:${'a'.repeat(64)}`,
  ])('accept the image %s', (image) => {
    expect(deploymentOf({ ...OPTIONS, image }).container.image).toBe(image);
  });

  it.each([
    '',
    'mail',
    'Mail:1',
    'mail:',
    'mail:1 0',
    '/mail:1',
    'team//mail:1',
    'mail:1\ncommand: [sh]',
    'mail@sha256:abc',
    `mail:${'1'.repeat(129)}`,
    `${'a/'.repeat(300)}mail:1`,
    `${'a-'.repeat(200)}!`,
  ])('reject the image %j', (image) => {
    expect(() => kubernetesManifest({ ...OPTIONS, image })).toThrow(
      `image = ${JSON.stringify(image)}: allowed`,
    );
  });

  it.each(['', 'KeyBuzz', 'key_buzz', '-a', 'a-', 'a.b', 'a'.repeat(64), 'a\nb', 'a: b'])(
    'reject the namespace %j',
    (namespace) => {
      expect(() => kubernetesManifest({ ...OPTIONS, namespace })).toThrow(
        `namespace = ${JSON.stringify(namespace)}: allowed is a DNS label`,
      );
    },
  );

  it('accept namespaces that YAML would parse as another type', () => {
    for (const namespace of ['0123', 'null', 'true', 'no', '1e3', '0x1f']) {
      expect(deploymentOf({ ...OPTIONS, namespace }).deployment.metadata.namespace).toBe(namespace);
    }
  });

  it('report all errors at once', () => {
    const wrong = {
      namespace: 'A',
      image: 'mail',
      replicas: 0,
      drainTimeoutMs: -1,
      httpPort: Number.NaN,
      cloudWatch: { namespace: ':a', stage: 'Prod' },
    };
    const read = () => kubernetesManifest(wrong);

    expect(read).toThrow(SettingsError);
    for (const line of [
      '7 settings are wrong:',
      'cloudWatch.namespace = ":a": allowed is a namespace of CloudWatch',
      'cloudWatch.stage = "Prod": allowed is one of dev, prod',
      'namespace = "A": allowed is a DNS label',
      'image = "mail": allowed is an image with a tag or a digest',
      'replicas = 0: allowed is a whole number from 1 to 100',
      'drainTimeoutMs = -1: allowed is a whole number from 0 to 3600000',
      'httpPort = NaN: allowed is a whole number from 1024 to 65535',
    ]) {
      expect(read).toThrow(line);
    }
  });
});
